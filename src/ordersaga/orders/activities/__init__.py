"""The order saga's activities: one class per service, each holding its client."""

from ordersaga.orders.activities.inventory import InventoryActivities, Reserved
from ordersaga.orders.activities.notification import Confirmed, NotificationActivities
from ordersaga.orders.activities.payment import Charged, PaymentActivities
from ordersaga.orders.activities.register import AHEAD, OrderEnding, OrderProgress, RegisterActivities, claim_of
from ordersaga.orders.activities.shipping import Shipped, ShippingActivities

__all__ = [
    "AHEAD",
    "Charged",
    "Confirmed",
    "InventoryActivities",
    "NotificationActivities",
    "OrderEnding",
    "OrderProgress",
    "PaymentActivities",
    "RegisterActivities",
    "Reserved",
    "Shipped",
    "ShippingActivities",
    "claim_of",
]
