"""The services that an order meets: the register, and four that have effects behind a fence. Each keeps its books."""
