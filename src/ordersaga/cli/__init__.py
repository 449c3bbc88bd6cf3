"""The command line `ordersaga`."""
