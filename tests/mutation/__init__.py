"""Mutation tests of the saga engine and the order's workflows: `make mutate` breaks them, and a test must fail."""
