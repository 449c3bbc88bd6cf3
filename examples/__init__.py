"""Examples: orders to place, and another saga built from the engine."""
