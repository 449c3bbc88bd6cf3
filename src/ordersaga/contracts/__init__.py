"""The services' wire models, shared by clients and services."""
