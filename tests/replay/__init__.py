"""Histories of orders, and the check that the workflow code still replays them."""
