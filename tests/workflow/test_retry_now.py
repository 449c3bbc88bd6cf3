"""A person retries a parked undo, or decides while it is being retried."""

from __future__ import annotations

import asyncio

import pytest

from ordersaga.domain.errors import DecisionRefused
from ordersaga.domain.worklist import OrderDecision, unresolved
from ordersaga.orders.client import OrderClient
from ordersaga.stack.faults import Fault, FaultProxy, Kind
from tests.workflow.environment import OrderEnvironment, until
from tests.workflow.faulty import DECLINED_LATE, IMPATIENT, listed


async def test_a_retry_decision_returns_the_result_of_the_attempt(
    orders: OrderClient, proxy: FaultProxy, parked: Fault, order_id: str
) -> None:
    retry = OrderDecision(choice="retry", by="Ada")
    calls = proxy.calls(order_id).count("refund")
    view = await orders.resolve(order_id, retry)
    assert proxy.calls(order_id).count("refund") == calls + 1, "it was tried once"
    failed = unresolved(view, retry)
    assert failed is not None
    assert (failed.name, failed.state) == ("charge_payment", "parked")
    assert "payment answered 500" in (failed.last_error or "")

    proxy.faults.remove(parked)
    view = await orders.resolve(order_id, retry)
    assert unresolved(view, retry) is None
    assert {step.name: step.state for step in view.steps}["charge_payment"] == "undone"


async def test_a_decision_during_an_attempt_that_succeeds_comes_too_late_and_reports_it(
    env: OrderEnvironment, orders: OrderClient, proxy: FaultProxy, order_id: str
) -> None:
    """The refund is on its way when a person says that it was done by hand. Otherwise it would be made twice."""
    fault = Fault(Kind.ERROR_BEFORE, "refund", order_id, attempts=None)
    proxy.faults.append(fault)
    slow = IMPATIENT | {"http_timeout": 60}
    await orders.submit_order(await env.order(order_id, shipping_address=DECLINED_LATE, policy=slow))
    await listed(orders, order_id)
    proxy.faults.remove(fault)
    proxy.faults.append(Fault(Kind.HOLD_ANSWER, "refund", order_id, attempts=None))
    retrying = asyncio.create_task(orders.resolve(order_id, OrderDecision(choice="retry", by="Ada")))

    async def is_under_way() -> bool:
        return bool(proxy.fired(Kind.HOLD_ANSWER, "refund", order_id))

    await until(is_under_way)
    by_hand = OrderDecision(choice="done_by_hand", by="Bob", note="bank transfer 4711")
    deciding = asyncio.create_task(orders.resolve(order_id, by_hand))

    async def is_heard() -> bool:
        return not any(step.choices for step in (await orders.get_order(order_id)).steps)

    await until(is_heard)
    assert not deciding.done()
    proxy.release(order_id)

    with pytest.raises(DecisionRefused, match=r"came too late.*not carried out"):
        await deciding
    assert unresolved(await retrying, by_hand) is None
    result = await orders.result(order_id)
    assert {step.name: step.state for step in result.steps}["charge_payment"] == "undone"
    assert [entry.choice for entry in result.decisions] == ["retry"]
