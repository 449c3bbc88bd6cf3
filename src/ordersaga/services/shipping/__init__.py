"""The shipping sandbox: a carrier that moves its parcels on request."""
