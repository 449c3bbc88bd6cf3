"""End-to-end tests: a real Temporal server, real services, real orders."""
