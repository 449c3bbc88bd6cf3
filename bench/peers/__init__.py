"""Other ways of processing the same orders with the same services, each written as its documentation recommends."""
