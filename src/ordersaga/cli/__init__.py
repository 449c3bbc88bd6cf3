"""The command line `ordersaga`."""

from ordersaga.cli.main import main

__all__ = ["main"]
