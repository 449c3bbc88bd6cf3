"""What the register has of orders, read and written by programs. The register itself is in services/register."""
