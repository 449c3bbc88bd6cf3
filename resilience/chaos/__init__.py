"""The chaos campaign: random orders under many faults at once; then the faults stop, and every order is checked.

Run it with `python -m resilience.chaos`. docs/explanation/chaos.md explains what it does and how to read its report.
"""
