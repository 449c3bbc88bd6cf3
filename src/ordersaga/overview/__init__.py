"""What is known of orders, read once for everybody who asks: what the API and the dashboard stand on."""

from ordersaga.overview.export import CsvResponse, csv_response
from ordersaga.overview.front import Front
from ordersaga.overview.health import Health
from ordersaga.overview.reading import Overview

__all__ = ["CsvResponse", "Front", "Health", "Overview", "csv_response"]
