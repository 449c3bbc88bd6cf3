"""A refund that was made and fails later (fault 20): the order has ended, and is on the worklist anyway."""

from __future__ import annotations

import pytest

from ordersaga.audit.books import check_books
from ordersaga.contracts.payment import PaymentEvent, PaymentEventState
from ordersaga.domain.errors import DecisionRefused, InvalidTransition
from ordersaga.domain.result import OrderStatus
from ordersaga.domain.worklist import Attention, OrderDecision, WorklistItem
from tests.recovery.test_watcher import held, one_round
from tests.workflow.environment import OrderEnvironment

RETRY = OrderDecision(choice="retry", by="Ada")
BY_HAND = OrderDecision(choice="done_by_hand", by="Ada", note="bank transfer 4711")


async def undone(env: OrderEnvironment, order_id: str) -> None:
    """An order that was cancelled and refunded."""
    await held(env, env.orders, order_id)
    await env.orders.cancel_order(order_id, "no more")
    assert (await env.orders.result(order_id)).status is OrderStatus.CANCELLED
    assert await env.books(order_id) == ["released", "refunded"]


async def refund_fails(env: OrderEnvironment, order_id: str, number: int = 1) -> None:
    """What the provider reports days later."""
    event = PaymentEvent(state=PaymentEventState.REFUND_FAILED, refund=number)
    await env.services.payment.report(f"pay-{order_id}", event, 5)


async def waiting(env: OrderEnvironment, order_id: str) -> WorklistItem | None:
    return next((item for item in await env.orders.worklist() if item.order_id == order_id), None)


async def broken(env: OrderEnvironment, order_id: str) -> list[str]:
    return [str(each.rule) for each in (await check_books(env.orders)).violations if each.order_id == order_id]


async def test_a_failed_refund_is_on_the_worklist_and_is_made_again_when_a_person_decides(
    env: OrderEnvironment, order_id: str
) -> None:
    await undone(env, order_id)
    await refund_fails(env, order_id)
    assert await broken(env, order_id), "the customer's money is there"

    assert order_id in (await one_round(env.orders, f"{order_id}-1")).unrefunded
    item = await waiting(env, order_id)
    assert item is not None
    assert (item.attention, item.amount_at_risk, item.status) == (Attention.REFUND_FAILED, "44.98", "cancelled")
    assert [(step.name, step.undoing) for step in item.steps] == [("charge_payment", True)]
    charge = (await env.orders.get_order(order_id)).steps[1]
    assert (charge.state, charge.undoing, charge.choices) == ("parked", True, ["retry", "done_by_hand", "write_off"])
    assert order_id not in (await one_round(env.orders, f"{order_id}-2")).unrefunded, "it is there already"

    view = await env.orders.resolve(order_id, RETRY)
    assert (view.status, view.steps[1].state, view.steps[1].choices) == (OrderStatus.CANCELLED, "undone", [])
    assert [(each.step, each.choice, each.by) for each in view.decisions] == [("charge_payment", "retry", "Ada")]
    assert await env.books(order_id) == ["released", "refunded"]
    assert await waiting(env, order_id) is None
    assert order_id not in (await one_round(env.orders, f"{order_id}-3")).unrefunded
    assert await broken(env, order_id) == []
    assert (await env.orders.result(order_id)).status is OrderStatus.CANCELLED


async def test_a_refund_that_fails_again_is_on_the_worklist_again(env: OrderEnvironment, order_id: str) -> None:
    await undone(env, order_id)
    await refund_fails(env, order_id)
    await one_round(env.orders, f"{order_id}-1")
    await env.orders.resolve(order_id, RETRY)
    await refund_fails(env, order_id)
    assert await env.books(order_id) == ["released", "refunded"], "the first event came once more"

    await refund_fails(env, order_id, 2)
    assert await env.books(order_id) == ["released", "captured"]
    assert order_id in (await one_round(env.orders, f"{order_id}-2")).unrefunded
    with pytest.raises(InvalidTransition, match="was refunded 2 times"):
        await refund_fails(env, order_id, 3)


async def test_a_refund_by_hand_recovers_it(env: OrderEnvironment, order_id: str) -> None:
    await undone(env, order_id)
    await refund_fails(env, order_id)
    await one_round(env.orders, f"{order_id}-1")
    view = await env.orders.resolve(order_id, BY_HAND)

    assert (view.status, view.steps[1].state) == (OrderStatus.CANCELLED, "done_by_hand")
    assert await waiting(env, order_id) is None
    assert order_id not in (await one_round(env.orders, f"{order_id}-2")).unrefunded
    assert await broken(env, order_id) == []
    with pytest.raises(DecisionRefused, match="is not on the worklist"):
        await env.orders.resolve(order_id, RETRY)


async def test_only_a_refund_that_was_made_can_fail(env: OrderEnvironment, order_id: str) -> None:
    await env.orders.place_order(await env.order(order_id))
    with pytest.raises(InvalidTransition, match="was refunded 0 times"):
        await refund_fails(env, order_id)
    assert (await env.books(order_id))[1] == "captured"


async def test_another_waiting_step_is_not_decided_on_as_an_email(env: OrderEnvironment, order_id: str) -> None:
    await undone(env, order_id)
    await refund_fails(env, order_id)
    await one_round(env.orders, f"{order_id}-1")
    with pytest.raises(DecisionRefused, match="send_confirmation waits for no decision"):
        await env.orders.resolve(order_id, OrderDecision(choice="retry", by="Ada", step="send_confirmation"))
    assert await waiting(env, order_id) is not None
