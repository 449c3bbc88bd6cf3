"""Tests of the order's workflow on a real Temporal server, with real services."""
