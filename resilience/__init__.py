"""Tests of resilience: the matrix and the chaos campaign, with faults, crashes and resets.

For this project only, not its users.
"""
