"""What an order is: money, orders, statuses and errors. Imports nothing of the rest."""
