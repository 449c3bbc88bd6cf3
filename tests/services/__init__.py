"""Tests of the services, mostly over HTTP."""
