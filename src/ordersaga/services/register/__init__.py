"""The register: the system of record of orders. It outlives their runs and decides how each order may end."""
