"""Orders, money, statuses and errors. Imports nothing else from ordersaga, and knows neither Temporal nor HTTP."""
