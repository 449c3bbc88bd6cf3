"""The web server: the HTTP API, the dashboard, and what both read. Contains no order logic."""
