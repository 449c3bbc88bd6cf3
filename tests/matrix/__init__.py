"""Tests of the matrix, and a slice of it."""
