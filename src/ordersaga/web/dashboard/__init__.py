"""The dashboard for operators: pages about orders, and forms for decisions. What they show is read by `web/reads`."""
