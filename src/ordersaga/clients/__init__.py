"""HTTP clients of the services. Whatever a service says that is not in its contract is a ServiceFault."""

from ordersaga.clients.http import ServiceHttp, open_session
from ordersaga.clients.inventory import InventoryClient
from ordersaga.clients.notification import NotificationClient
from ordersaga.clients.payment import PaymentClient
from ordersaga.clients.register import RegisterClient
from ordersaga.clients.services import Services
from ordersaga.clients.shipping import ShippingClient

__all__ = [
    "InventoryClient",
    "NotificationClient",
    "PaymentClient",
    "RegisterClient",
    "ServiceHttp",
    "Services",
    "ShippingClient",
    "open_session",
]
