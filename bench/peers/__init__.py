"""Other ways of processing the same orders against the same services, each written as its own docs recommend."""
