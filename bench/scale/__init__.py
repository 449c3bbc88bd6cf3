"""Measurements of scale: does an order cost the same after many others, and when all want the same thing?"""
