"""Measurements of scale: the cost of an order after many others, and of many orders for the same article."""
