"""What every HTTP server of ordersaga shares: problem documents, the body size limit, start and shutdown. No routes."""
