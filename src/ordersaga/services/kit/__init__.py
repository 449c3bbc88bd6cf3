"""What the services share: the application, the store, the fence and the pages of the books."""
