"""Two versions of the worker on the same orders."""
