"""Tests of ordersaga.testing.sagas, and of the examples that it runs."""
