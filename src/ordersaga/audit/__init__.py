"""Does everything balance? The register held against the services' own books. Nothing here changes either."""
