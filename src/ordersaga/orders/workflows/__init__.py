"""The workflows of orders, and what they import. They do no I/O: activities do."""
