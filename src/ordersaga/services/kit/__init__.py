"""What the services share: the application, the store, the fence and paged tables. Nothing specific to one service."""
