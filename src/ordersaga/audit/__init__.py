"""Checks that everything balances: compares the register with the services' own records. It never changes either."""
