"""The checker is checked: bugs that people write are planted one by one, and each has to be caught."""
