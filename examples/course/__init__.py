"""The programs of the course in docs/saga.md."""
