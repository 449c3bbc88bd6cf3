"""Reads one order from the register and from its run, for the client, the API and the dashboard.

Lists live in `register`.
"""

from ordersaga.orders.reading.details import Action, OrderDetails, actions_of, with_choices, without_choices
from ordersaga.orders.reading.reader import LIVE_PATIENCE, OrderReader

__all__ = ["LIVE_PATIENCE", "Action", "OrderDetails", "OrderReader", "actions_of", "with_choices", "without_choices"]
