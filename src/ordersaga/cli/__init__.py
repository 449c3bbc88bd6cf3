"""The command line `ordersaga`."""

from ordersaga.cli.entry import main

__all__ = ["main"]
