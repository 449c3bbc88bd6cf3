"""How an order's page shows a step that is retried, and an undo that becomes final later."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from ordersaga.domain.result import OrderStatus, OrderSummary, OrderView, StepStatus, TimelineEntry
from ordersaga.orders.reading import OrderDetails, actions_of
from ordersaga.stack.faults import Fault, FaultProxy, Kind
from ordersaga.web.reads import Reads
from ordersaga.web.reads.cache import Snapshot
from tests.api.harness import Api, wire
from tests.dashboard.browsing import Browser, forms_of, words_of
from tests.dashboard.conftest import HELD
from tests.workflow.environment import OrderEnvironment, until


async def test_an_undo_that_the_server_tries_again(
    faulty: Api, env: OrderEnvironment, proxy: FaultProxy, order_id: str
) -> None:
    browser = Browser(faulty)
    proxy.faults.append(Fault(Kind.ERROR_BEFORE, "refund", order_id, attempts=None))
    await faulty.place(wire(await env.order(order_id, policy=HELD | {"undo_patience": 300})))

    async def says(pattern: str) -> str | None:
        found = words_of((await browser.get(f"/orders/{order_id}")).text)
        return found if re.search(pattern, found) else None

    await until(lambda: says("On hold until"))
    await browser.post(f"/orders/{order_id}/cancel", {"form": "cancel", "by": "Ada", "note": "called us"})

    message = await until(lambda: says(r"[2-9] attempts to undo.{0,40}next attempt in \d+ s"))

    assert message is not None
    assert "Refund the customer Undoing" in message
    assert "Last error: payment answered 500" in message
    assert "You don't need to do anything" in message
    proxy.lift(order_id)
    await until(lambda: says("The order was cancelled, and everything was undone"))


async def test_a_parked_undo_shows_when_it_is_retried(browser: Browser, parked: str) -> None:
    message = words_of((await browser.get(f"/orders/{parked}")).text)
    assert len(re.findall(r"next attempt in (?:1 min|\d+ s)", message)) == 2
    assert "Release the stock Parked" in message


@pytest.fixture
def requested(order_id: str, monkeypatch: pytest.MonkeyPatch) -> OrderDetails:
    """An order whose refund was requested and becomes final later. None of our services answers like this."""
    asked = datetime.now(UTC) - timedelta(minutes=5)
    summary = OrderSummary(order_id=order_id, status=OrderStatus.COMPENSATING, run_id="r", started_at=asked)
    refund = StepStatus(
        name="charge_payment",
        id=f"pay-{order_id}",
        state="undo_requested",
        attempts=1,
        undo_attempts=1,
        undoing=True,
        next_try=asked + timedelta(hours=1, seconds=30),
        choices=["retry", "done_by_hand", "write_off"],
    )
    entry = TimelineEntry(
        at=asked,
        kind="undo_answered",
        step="charge_payment",
        was="undoing",
        state="undo_requested",
        since=asked - timedelta(seconds=2),
        outcome="requested",
    )
    view = OrderView(
        order_id=order_id,
        status=OrderStatus.COMPENSATING,
        amount="44.98",
        currency="USD",
        steps=[refund],
        timeline=[entry],
        since={"charge_payment": asked},
    )
    details = OrderDetails(
        summary=summary, order=None, view=view, live=True, workflow_id="w", run_id="r", actions=actions_of(view)
    )

    async def order(_reads: Reads, _order_id: str) -> Snapshot[OrderDetails]:
        return Snapshot(details, datetime.now(UTC))

    monkeypatch.setattr(Reads, "order", order)
    return details


async def test_an_undo_that_was_requested_is_final_later_and_may_be_decided_on(
    browser: Browser, requested: OrderDetails
) -> None:
    page = (await browser.get(f"/orders/{requested.view.order_id}")).text
    message = words_of(page)
    assert "Refund the customer Refund requested, not final yet" in message
    assert "requested 5 min ago" in message
    assert "next attempt in 55 min" in message
    assert "Undo of charge requested, not final yet" in message
    assert "Actions" in message
    assert "needs a decision" not in message
    assert forms_of(page) == [f"decide-charge_payment-{choice}" for choice in ("retry", "done_by_hand", "write_off")]
    assert 'class="bar-requested"' in page
