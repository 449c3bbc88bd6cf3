"""Tests of the saga engine and the order's workflow on a real Temporal server, with real services."""
