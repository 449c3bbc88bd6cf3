"""A naive saga on Temporal: a `try` with a list of compensations, as introductions show it, on this project's services.

docs/explanation/peers.md says what it does and what became of its orders.
"""
