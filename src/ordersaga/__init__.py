"""ordersaga: e-commerce orders as a saga on Temporal."""
