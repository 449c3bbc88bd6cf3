"""What users of ordersaga use in their tests: the kit for sagas (`testing.sagas`).

Our own test environments are in tests/.

The books checker is in `ordersaga.audit.books`; `ordersaga verify` prints its result.
"""
