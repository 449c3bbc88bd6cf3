"""Histories of orders, and the proof that the workflow code still replays them."""
