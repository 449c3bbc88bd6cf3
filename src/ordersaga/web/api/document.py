"""The OpenAPI document."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from ordersaga.contracts.common import Problem
from ordersaga.domain.money import MAX_MINOR
from ordersaga.domain.order import OrderInput
from ordersaga.domain.text import NOT_BLANK, PATTERN
from ordersaga.domain.worklist import OrderDecision
from ordersaga.web.api.models import CancelRequest, NewNote

_REF = "#/components/schemas/{model}"
_SCHEME = "key"
_OPEN = ("/healthz", "/readyz")
_AMOUNT = r"^[0-9]{1,18}(\.[0-9]{1,18})?$"
_TEXTS = (
    ("PlaceOrder", "customer_id", "payment_method_id"),
    ("Address", "street", "city", "state", "zip_code"),
    ("CancelRequest", "reason"),
    ("OrderDecision", "by", "note"),
)
_INTRODUCTION = """\
Place, watch and cancel orders, and decide on orders that need attention. Every order ends shipped and paid for, fully
undone, or on the worklist. Requests are idempotent: repeating one does nothing twice. Errors are problem documents
(RFC 9457): `detail` says what happened, what was and was not done, and what to do next."""

EXAMPLE = {
    "order_id": "A-1001",
    "customer_id": "customer-1",
    "items": [{"sku": "MUG-BLUE", "quantity": 2, "price": "19.99"}, {"sku": "TEA", "quantity": 1, "price": "5.00"}],
    "shipping_address": {
        "street": "350 5th Ave",
        "city": "New York",
        "state": "NY",
        "zip_code": "10118",
        "country": "US",
    },
    "payment_method_id": "pm_card_visa",
    "currency": "USD",
    "email": "ada@example.com",
}


def body_of(name: str, *, required: bool = True) -> dict[str, Any]:
    """The documentation of a JSON body that a route reads by itself."""
    schema = {"$ref": _REF.format(model=name)}
    return {"requestBody": {"required": required, "content": {"application/json": {"schema": schema}}}}


def openapi_of(app: FastAPI, *, with_keys: bool) -> Callable[[], dict[str, Any]]:
    """Returns a function that creates the document on its first call."""

    def document() -> dict[str, Any]:
        if not app.openapi_schema:
            app.openapi_schema = _document(app, with_keys=with_keys)
        return app.openapi_schema

    return document


def _document(app: FastAPI, *, with_keys: bool) -> dict[str, Any]:
    found = get_openapi(
        title=app.title, version=app.version, summary=app.summary, description=_INTRODUCTION, routes=app.routes
    )
    components = found.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas |= _schemas()
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    if with_keys:
        components["securitySchemes"] = {
            _SCHEME: {
                "type": "http",
                "scheme": "bearer",
                "description": "A key from `ordersaga api-key`, with scopes: orders:write, orders:read, operate.",
            }
        }
        for path, operations in found["paths"].items():
            if path not in _OPEN:
                for operation in operations.values():
                    operation["security"] = [{_SCHEME: []}]
    return found


def _schemas() -> dict[str, Any]:
    """The schemas of bodies, and of problems, which no route's signature names."""
    found: dict[str, Any] = {}
    for model, name in (
        (OrderInput, "PlaceOrder"),
        (CancelRequest, "CancelRequest"),
        (OrderDecision, "OrderDecision"),
        (NewNote, "NewNote"),
        (Problem, "Problem"),
    ):
        schema = model.model_json_schema(ref_template=_REF)
        found |= schema.pop("$defs", {}) | {name: schema}
    _describe_order(found)
    problem = found["Problem"]
    problem["description"] = "What went wrong (RFC 9457). `type` is the name of an error, see docs/reference/errors.md."
    problem["required"] = ["type", "title", "status", "detail"]
    problem["properties"]["errors"] = {
        "type": "array",
        "items": {"type": "string"},
        "description": "Every problem with the request, if there can be several.",
    }
    return found


def _describe_order(schemas: dict[str, Any]) -> None:
    """Add to the schemas what pydantic cannot derive from our validators."""
    order = schemas["PlaceOrder"]
    order["description"] = "An order as a customer places it. The price of a line may be 0, but not the total."
    order["examples"] = [EXAMPLE]
    order["required"].remove("order_id")
    order["properties"]["order_id"]["description"] = (
        "Makes placing the order safe to repeat. Or send an Idempotency-Key."
    )
    schemas["OrderItem"]["properties"]["price"] = {
        "title": "Price",
        "description": "An amount with at most as many decimals as the currency has. Numbers are read exactly.",
        "anyOf": [{"type": "string", "pattern": _AMOUNT}, {"type": "number", "minimum": 0, "maximum": MAX_MINOR}],
    }
    for model, *names in _TEXTS:
        for name in names:
            schemas[model]["properties"][name]["pattern"] = PATTERN
    note = schemas["NewNote"]["properties"]
    note["by"]["pattern"], note["text"]["pattern"], note["note_id"]["pattern"] = NOT_BLANK, r"\S", PATTERN
