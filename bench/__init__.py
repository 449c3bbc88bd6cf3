"""Measures ordersaga, a naive saga on Temporal, Temporal's own limit, and other engines side by side.

No tests live here.
"""
