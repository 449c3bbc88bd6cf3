"""Tests of the tools in ordersaga.testing.sagas, and of the examples that they play."""
