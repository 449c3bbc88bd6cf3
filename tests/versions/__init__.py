"""Tests of two versions of the worker on the same orders."""
