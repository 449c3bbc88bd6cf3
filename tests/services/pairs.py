"""The four do/undo pairs, so that common guarantees are tested once for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.services.api import Answer, Api, Json

NEW_YORK = {"street": "1 Main Street", "city": "New York", "state": "NY", "zip": "10001", "country": "US"}
NOWHERE = {"street": "1 Main Street", "city": "New York", "state": "NY", "zip": "ABCDE", "country": "US"}


@dataclass(frozen=True)
class Pair:
    """A do and its undo. `bodies` makes the do's body from an order id; `other` and `refused` change it."""

    service: str
    collection: str
    do_path: str
    key: str
    prefix: str
    body_of: Callable[[str], Json]
    other: Json
    refused: Json
    done: int
    refusal: tuple[int, str]
    live: str
    undone: str
    refused_state: str
    substance: frozenset[str]
    undo: Callable[[str], tuple[str, str, Any]]
    undone_answer: Answer
    nothing_answer: Answer

    def effect_id(self, order_id: str) -> str:
        """The id of the effect, such as pay-{order_id}."""
        return f"{self.prefix}-{order_id}"

    def body(self, order_id: str, /, **changes: Any) -> Json:
        """A good body of the do."""
        return {self.key: self.effect_id(order_id), "order_id": order_id} | self.body_of(order_id) | changes

    async def do(self, api: Api, order_id: str, /, **changes: Any) -> Answer:
        """Do it; `changes` replace parts of the body."""
        return await api.post(f"/{self.service}{self.do_path}", self.body(order_id, **changes))

    def undo_for(self, owner: str | None, effect_id: str) -> tuple[str, str, Any]:
        """How to undo it for an owner: method, path and body."""
        method, path, body = self.undo(effect_id)
        if owner is None:
            return method, path, body
        return (method, path, body | {"owner": owner}) if body else (method, f"{path}?owner={owner}", body)

    async def undo_it(self, api: Api, order_id: str, owner: str | None = None) -> Answer:
        """Undo it, by its id and for its owner."""
        method, path, body = self.undo_for(owner, self.effect_id(order_id))
        return await api.ask(method, f"/{self.service}{path}", body)

    async def entries(self, api: Api, order_id: str) -> list[Json]:
        """The service's entries of the order."""
        return await api.books(f"/{self.service}{self.collection}", order_id=order_id)

    async def states(self, api: Api, order_id: str) -> list[str]:
        """The states of the service's entries of the order."""
        return [entry["state"] for entry in await self.entries(api, order_id)]


def sku_of(order_id: str) -> str:
    """The SKU in the orders of these tests."""
    return f"sku-{order_id}"


INVENTORY = Pair(
    service="inventory",
    collection="/reservations",
    do_path="/reservations",
    key="reservation_id",
    prefix="rsv",
    body_of=lambda order_id: {"items": [{"sku": sku_of(order_id), "qty": 2}]},
    other={"items": [{"sku": "another-sku", "qty": 2}]},
    refused={"items": [{"sku": "never-loaded", "qty": 1}]},
    done=201,
    refusal=(409, "InsufficientInventory"),
    live="held",
    undone="released",
    refused_state="refused",
    substance=frozenset({"items"}),
    undo=lambda effect_id: ("DELETE", f"/reservations/{effect_id}", None),
    undone_answer=Answer(204),
    nothing_answer=Answer(204),
)
PAYMENT = Pair(
    service="payment",
    collection="/payments",
    do_path="/charges",
    key="payment_id",
    prefix="pay",
    body_of=lambda order_id: {
        "customer_id": "customer-1",
        "payment_method_id": "pm_card_visa",
        "amount": "19.99",
        "currency": "USD",
        "idempotency_key": f"pay-{order_id}",
    },
    other={"amount": "20.00"},
    refused={"payment_method_id": "pm_card_chargeDeclined"},
    done=201,
    refusal=(402, "PaymentDeclined"),
    live="captured",
    undone="refunded",
    refused_state="declined",
    substance=frozenset({"amount", "currency"}),
    undo=lambda effect_id: ("POST", "/refunds", {"payment_id": effect_id, "reason": "the test says so"}),
    undone_answer=Answer(200, {"status": "refunded"}),
    nothing_answer=Answer(200, {"status": "nothing_to_refund"}),
)
SHIPPING = Pair(
    service="shipping",
    collection="/shipments",
    do_path="/shipments",
    key="shipment_id",
    prefix="shp",
    body_of=lambda _: {"address": NEW_YORK, "items": [{"sku": "mug", "qty": 2}]},
    other={"items": [{"sku": "mug", "qty": 3}]},
    refused={"address": NOWHERE},
    done=201,
    refusal=(422, "UndeliverableAddress"),
    live="created",
    undone="cancelled",
    refused_state="refused",
    substance=frozenset({"address", "items"}),
    undo=lambda effect_id: ("POST", f"/shipments/{effect_id}/cancel", None),
    undone_answer=Answer(200, {"status": "cancelled"}),
    nothing_answer=Answer(200, {"status": "nothing_to_cancel"}),
)
NOTIFICATION = Pair(
    service="notification",
    collection="/notifications",
    do_path="/notifications",
    key="message_id",
    prefix="msg",
    body_of=lambda order_id: {
        "to": "ada@example.com",
        "template": "order_confirmation",
        "data": {"order_id": order_id, "amount": "19.99 USD", "tracking_number": "TRK-1"},
    },
    other={"to": "grace@example.com"},
    refused={"to": "not a mail address"},
    done=202,
    refusal=(422, "UndeliverableMail"),
    live="queued",
    undone="recalled",
    refused_state="failed",
    substance=frozenset({"to", "template"}),
    undo=lambda effect_id: ("POST", f"/notifications/{effect_id}/recall", None),
    undone_answer=Answer(200, {"status": "recalled"}),
    nothing_answer=Answer(200, {"status": "nothing_to_recall"}),
)
PAIRS = (INVENTORY, PAYMENT, SHIPPING, NOTIFICATION)
