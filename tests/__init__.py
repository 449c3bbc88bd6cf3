"""The tests of ordersaga."""
