"""The sketch that this project grew from: the Python seed's saga, activities as written there, on our services."""
