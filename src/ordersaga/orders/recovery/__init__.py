"""Orders that came to a halt: found, recovered, or put on the worklist. A run that goes on is not touched."""
