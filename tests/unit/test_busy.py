"""If Temporal is overloaded or silent, placing an order says that it may have been placed, never that it failed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from google.protobuf.any_pb2 import Any as Detail
from temporalio.api.common.v1 import GrpcStatus
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from ordersaga.domain.errors import OrdersagaError, TemporalBusy, VerdictPending, WorkerUnavailable
from ordersaga.domain.order import OrderInput, parse_order
from ordersaga.domain.result import OrderStatus, OrderSummary
from ordersaga.orders import executions
from ordersaga.orders.client import OrderClient
from ordersaga.orders.reading import OrderReader
from ordersaga.orders.register.orders import OrderRegister

ORDER = parse_order(
    {
        "order_id": "o1",
        "customer_id": "ada",
        "items": [{"sku": "MUG", "quantity": 1, "price": "19.99"}],
        "shipping_address": {"street": "350 Fifth Avenue", "city": "New York", "country": "US"},
        "payment_method_id": "pm_card_visa",
    }
)
SILENT = [RPCStatusCode.UNAVAILABLE, RPCStatusCode.UNKNOWN, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED]


def behind(status: RPCStatusCode) -> OrderClient:
    """A client of a server that answers everything with this status."""

    async def fail(*_: object, **__: object) -> Any:
        raise RPCError("no answer", status, b"")

    handle = SimpleNamespace(id="order-o1", result=fail, describe=fail, query=fail)
    temporal = SimpleNamespace(
        start_workflow=fail,
        get_workflow_handle_for=lambda *_: handle,
        get_workflow_handle=lambda *_, **__: handle,
    )
    orders = OrderClient(cast("Client", temporal))
    orders.register = cast("OrderRegister", SimpleNamespace(accept=accepted, find=not_found))
    orders._reader = OrderReader(orders.temporal, orders.register, live_only=True)
    return orders


async def accepted(order: OrderInput, task_queue: str) -> Any:
    """The register answers."""
    return SimpleNamespace(ending=None)


async def not_found(order_id: str) -> None:
    """The register does not know the order."""


@pytest.mark.parametrize("status", [*SILENT, RPCStatusCode.RESOURCE_EXHAUSTED])
async def test_to_place_or_to_wait_may_be_tried_again(status: RPCStatusCode) -> None:
    orders = behind(status)
    asks: list[Callable[[], Awaitable[object]]] = [
        lambda: orders.submit_order(ORDER),
        lambda: orders.result("o1"),
        lambda: orders.place_order(ORDER),
    ]
    for ask in asks:
        with pytest.raises(TemporalBusy, match=r"Try again when it answers; nothing is done twice\."):
            await ask()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (RPCStatusCode.DEADLINE_EXCEEDED, WorkerUnavailable),
        (RPCStatusCode.CANCELLED, WorkerUnavailable),
        (RPCStatusCode.FAILED_PRECONDITION, WorkerUnavailable),
        (RPCStatusCode.UNAVAILABLE, TemporalBusy),
    ],
)
async def test_where_a_worker_should_answer_it_is_the_worker_that_is_missing(
    monkeypatch: pytest.MonkeyPatch, status: RPCStatusCode, kind: type[OrdersagaError]
) -> None:
    orders = behind(status)
    run = SimpleNamespace(
        id="order-o1", run_id="r", status=None, workflow_type="OrderSagaWorkflow", typed_search_attributes={}
    )
    summary = OrderSummary(order_id="o1", status=OrderStatus.PROCESSING, started_at=datetime.now(UTC))

    async def known(*_: object) -> Any:
        return run

    async def listed(*_: object) -> OrderSummary:
        return summary

    for name, answer in (("described", known), ("current_of", known), ("summary", listed), ("order_of", listed)):
        monkeypatch.setattr(executions, name, answer)
    with pytest.raises(kind):
        await orders.get_order("o1")


@pytest.mark.parametrize("silent", [False, True])
async def test_a_cancel_is_said_to_be_recorded_only_if_it_is(silent: bool) -> None:
    """For an order whose workflow task keeps failing."""
    details = GrpcStatus(details=[Detail(type_url="type.googleapis.com/WorkflowNotReadyFailure")])
    signals: list[object] = []

    async def not_ready(*_: object, **__: object) -> Any:
        raise RPCError("failed state", RPCStatusCode.FAILED_PRECONDITION, details.SerializeToString())

    async def signal(*sent: object) -> None:
        if silent:
            raise RPCError("no answer", RPCStatusCode.UNAVAILABLE, b"")
        signals.append(sent)

    handle = SimpleNamespace(id="order-o1", execute_update=not_ready, query=not_ready, signal=signal)
    orders = OrderClient(cast("Client", SimpleNamespace(get_workflow_handle_for=lambda *_: handle)))

    with pytest.raises(TemporalBusy if silent else VerdictPending):
        await orders.cancel_order("o1", "no more", patience=5)
    assert len(signals) == (0 if silent else 1)
