"""What the API and the dashboard both read: orders, lists and health, through a shared cache. No pages, no routes."""

from ordersaga.web.reads.app_state import AppState
from ordersaga.web.reads.csv_export import CsvResponse, csv_response
from ordersaga.web.reads.health import Health
from ordersaga.web.reads.orders import Reads

__all__ = ["AppState", "CsvResponse", "Health", "Reads", "csv_response"]
