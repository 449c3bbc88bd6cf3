"""For tests of orders: a Temporal server, a proxy that makes faults, and the books checker.

The checker (`ordersaga.audit.books`) is not only for tests: `ordersaga verify` prints what it finds.
"""
