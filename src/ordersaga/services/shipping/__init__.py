"""The shipping sandbox: a carrier that moves its parcels when it is told to."""
