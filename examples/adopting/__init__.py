"""Your own inventory and payment provider in ordersaga. docs/how-to/adopting.md walks through it."""
