"""Reads and writes the register for programs. The register service itself is in `services/register`."""
