"""The mapping of the errors of Temporal's client to ours."""

from __future__ import annotations

import pytest
from temporalio.service import RPCError, RPCStatusCode

from ordersaga.domain.errors import OrdersagaError, TemporalBusy, TemporalUnavailable
from ordersaga.orders.connection import connect, translate_rpc_errors


async def test_a_lazy_connection_without_a_server_fails_at_the_first_call() -> None:
    temporal = await connect(target_host="127.0.0.1:1", lazy=True)
    refused = pytest.raises(TemporalUnavailable, match=r"server answers: connection refused\. Nothing was done")
    with refused, translate_rpc_errors("o1"):
        await temporal.get_workflow_handle("order-o1").describe()


@pytest.mark.parametrize(
    ("status", "kind", "text"),
    [
        (RPCStatusCode.UNAUTHENTICATED, TemporalUnavailable, "rejects this client"),
        (RPCStatusCode.PERMISSION_DENIED, TemporalUnavailable, "rejects this client"),
        (RPCStatusCode.RESOURCE_EXHAUSTED, TemporalBusy, "is overloaded"),
    ],
)
def test_a_servers_errors_are_reported_with_advice(
    status: RPCStatusCode, kind: type[OrdersagaError], text: str
) -> None:
    with pytest.raises(kind, match=text) as raised, translate_rpc_errors("o1"):
        raise RPCError("no", status, b"")
    assert type(raised.value) is kind


def test_what_is_not_temporals_is_left_alone() -> None:
    with pytest.raises(RuntimeError, match="ours"), translate_rpc_errors("o1"):
        raise RuntimeError("ours")


@pytest.mark.parametrize("status", [RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED])
def test_a_question_about_no_order_names_none(status: RPCStatusCode) -> None:
    with pytest.raises(TemporalBusy) as raised, translate_rpc_errors():
        raise RPCError("no answer", status, b"")
    assert "order" not in str(raised.value)


def test_not_found_names_no_order_if_the_call_was_about_none() -> None:
    with pytest.raises(RPCError, match="gone"), translate_rpc_errors():
        raise RPCError("gone", RPCStatusCode.NOT_FOUND, b"")
