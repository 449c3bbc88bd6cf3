"""Tests of the whole: real Temporal server, real services, real orders."""
