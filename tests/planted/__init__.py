"""Tests the checker: common bugs are planted one by one, and each must be caught."""
