"""The campaign: random orders while everything goes wrong at once; then peace, and an account of how each ended.

Run it with `python -m resilience.chaos`. docs/explanation/chaos.md says what it does and how to read its report.
"""
