"""The order's workflow."""
