"""What every HTTP server of ordersaga has: problem documents, a limit for bodies, listening and stopping."""
