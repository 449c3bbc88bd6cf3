"""Reads one order, for the client and for whoever shows orders: what the register has of it, and what its run tells."""

from ordersaga.orders.reading.details import Action, OrderDetails, actions_of, with_choices, without_choices
from ordersaga.orders.reading.reader import LIVE_PATIENCE, OrderReader

__all__ = ["LIVE_PATIENCE", "Action", "OrderDetails", "OrderReader", "actions_of", "with_choices", "without_choices"]
