"""What is known of orders, read once for everybody who asks: what the API and the dashboard stand on."""

from ordersaga.overview.front import Front
from ordersaga.overview.health import Health
from ordersaga.overview.reading import Overview
from ordersaga.overview.story import Action, OrderStory

__all__ = ["Action", "Front", "Health", "OrderStory", "Overview"]
