"""Measurements: ordersaga, a naive saga on Temporal, the limit that Temporal sets, and other engines, side by side."""
