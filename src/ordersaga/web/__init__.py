"""The web server: the HTTP API, the dashboard, and what both read. No order is decided here."""
