"""HTTP clients of the services. An answer that is not in a service's contract is a ServiceFault. No Temporal here."""

from ordersaga.orders.service_clients.http import ServiceHttp, open_session
from ordersaga.orders.service_clients.inventory import InventoryClient
from ordersaga.orders.service_clients.notification import NotificationClient
from ordersaga.orders.service_clients.payment import PaymentClient
from ordersaga.orders.service_clients.register import RegisterClient
from ordersaga.orders.service_clients.services import Services
from ordersaga.orders.service_clients.shipping import ShippingClient

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
