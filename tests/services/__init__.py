"""The tests of the services, against the running services over HTTP."""
