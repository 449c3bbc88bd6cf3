"""The four services that an order meets. Each keeps its own books behind a fence."""
