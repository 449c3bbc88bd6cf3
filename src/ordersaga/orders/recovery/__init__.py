"""Recovery of orders that have stopped: finds them, restarts them, or puts them on the worklist.

Leaves other runs alone.
"""
