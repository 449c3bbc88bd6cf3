"""An order's four steps and their undos, as calls to the services with the project's own clients."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TypeVar

from ordersaga.contracts.common import DoRequest
from ordersaga.contracts.payment import RefundRequest
from ordersaga.domain.order import OrderInput, OrderPolicy
from ordersaga.orders.service_clients import Services
from ordersaga.orders.workflows.steps import CHARGE, CONFIRM, RESERVE, SHIP, charge, confirmation, reservation, shipment
from ordersaga.settings import PREFIX, Settings

D = TypeVar("D", bound=DoRequest)
ROOT = Path(__file__).resolve().parents[2]
CALL_SECONDS = OrderPolicy().http_timeout
REASON = "the order failed"


def environment(services: Mapping[str, str]) -> dict[str, str]:
    """The environment of an engine's program: the path of `bench`, and the URLs of the services."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return {"PYTHONPATH": path} | {f"{PREFIX}{name.upper()}_URL": url for name, url in services.items()}


class OrderCalls:
    """The calls of an order to the services, forward and back.

    An undo needs only the order's id, because effects have no owner.
    """

    def __init__(self, services: Services) -> None:
        self._services = services

    async def reserve_inventory(self, order: OrderInput) -> None:
        """Reserve all lines, or none."""
        await self._services.inventory.reserve(
            _unowned(reservation(order, RESERVE.effect_id(order.order_id))), CALL_SECONDS
        )

    async def charge_payment(self, order: OrderInput) -> None:
        """Charge the customer."""
        await self._services.payment.charge(_unowned(charge(order, CHARGE.effect_id(order.order_id))), CALL_SECONDS)

    async def create_shipment(self, order: OrderInput) -> str:
        """Book the shipment, and return its tracking number."""
        request = _unowned(shipment(order, SHIP.effect_id(order.order_id)))
        return (await self._services.shipping.create(request, CALL_SECONDS)).tracking_number

    async def send_confirmation(self, order: OrderInput, tracking_number: str) -> None:
        """Send the confirmation."""
        request = _unowned(confirmation(order, CONFIRM.effect_id(order.order_id), tracking_number))
        await self._services.notification.send(request, CALL_SECONDS)

    async def release_inventory(self, order_id: str) -> None:
        """Undo the reservation."""
        await self._services.inventory.release(RESERVE.effect_id(order_id), "", CALL_SECONDS)

    async def refund_payment(self, order_id: str) -> None:
        """Undo the charge."""
        refund = RefundRequest(payment_id=CHARGE.effect_id(order_id), reason=REASON)
        await self._services.payment.refund(refund, CALL_SECONDS)

    async def cancel_shipment(self, order_id: str) -> None:
        """Undo the shipment. Raises AlreadyShipped when it is too late."""
        await self._services.shipping.cancel(SHIP.effect_id(order_id), "", CALL_SECONDS)

    async def recall_confirmation(self, order_id: str) -> None:
        """Undo the confirmation."""
        await self._services.notification.recall(CONFIRM.effect_id(order_id), "", CALL_SECONDS)


def _unowned(request: D) -> D:
    return request.model_copy(update={"owner": None})


class Connection:
    """The calls on one session. The first call opens it on the event loop that all calls share."""

    def __init__(self) -> None:
        self._open = AsyncExitStack()
        self._calls: OrderCalls | None = None

    async def calls(self) -> OrderCalls:
        """The calls to the services in the environment."""
        if self._calls is None:
            urls = Settings().service_urls()
            self._calls = OrderCalls(await self._open.enter_async_context(Services.open(urls)))
        return self._calls

    async def close(self) -> None:
        """Close the session."""
        await self._open.aclose()
