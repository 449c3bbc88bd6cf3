"""The calls that orders make, recognized by method and path, and the order that each is for."""

from __future__ import annotations

import json
import re

from ordersaga.orders.workflows.story import ORDER_SAGA

UNDO_OF = {"reserve": "release", "charge": "refund", "ship": "cancel_shipment", "notify": "recall"}
"""The calls through which an order has effects, each with its undo."""

REGISTER_CALLS = ("claim", "close", "unwind", "forward", "decide", "progress")
"""The calls from an order's runs to the register."""

REJECTED_AFTER = UNDO_OF | {"close": "unwind"}
"""Calls that are rejected once another call has been answered: a do after its undo, `completed` after an unwind."""

CALLS = {
    "reserve": ("POST", re.compile(r"/reservations$")),
    "release": ("DELETE", re.compile(r"/reservations/([^/]+)$")),
    "charge": ("POST", re.compile(r"/charges$")),
    "refund": ("POST", re.compile(r"/refunds$")),
    "ship": ("POST", re.compile(r"/shipments$")),
    "cancel_shipment": ("POST", re.compile(r"/shipments/([^/]+)/cancel$")),
    "notify": ("POST", re.compile(r"/notifications$")),
    "recall": ("POST", re.compile(r"/notifications/([^/]+)/recall$")),
    "close": ("PUT", re.compile(r"/orders/([^/]+)/ending$")),
    "unwind": ("POST", re.compile(r"/orders/([^/]+)/unwind$")),
    "forward": ("POST", re.compile(r"/orders/([^/]+)/forward$")),
    "decide": ("POST", re.compile(r"/orders/([^/]+)/decisions$")),
    "progress": ("PUT", re.compile(r"/orders/([^/]+)/progress$")),
    "claim": ("PUT", re.compile(r"/orders/([^/]+)$")),  # the last one, because an order may be called "orders"
}
_EFFECT_ID = re.compile(rf"({'|'.join(step.prefix for step in ORDER_SAGA.steps)})-(.+)")


def recognize(method: str, path: str, body: bytes) -> tuple[str | None, str]:
    """Return the call and the order of a request; (None, "") if it is not a call of an order."""
    for call, (verb, pattern) in CALLS.items():
        found = pattern.search(path)
        if verb != method or found is None:
            continue
        if call in REGISTER_CALLS:
            return call, found[1]
        return call, _order_of(found[1]) if pattern.groups else _order_in(body)
    return None, ""


def _order_in(body: bytes) -> str:
    try:
        said = json.loads(body)
    except ValueError:
        return ""
    if not isinstance(said, dict):
        return ""
    return str(said["order_id"]) if "order_id" in said else _order_of(str(said.get("payment_id", "")))


def _order_of(effect_id: str) -> str:
    found = _EFFECT_ID.fullmatch(effect_id)
    return found[2] if found else effect_id
