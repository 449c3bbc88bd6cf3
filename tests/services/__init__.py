"""The tests of the four services, against the running services over HTTP."""
