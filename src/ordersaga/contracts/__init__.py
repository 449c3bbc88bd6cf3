"""The services' wire models, shared by clients and services. No code that sends or handles them lives here."""
