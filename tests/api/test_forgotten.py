"""Orders that Temporal has deleted, as after its retention: they are shown, and parked steps can be decided on."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client

from ordersaga.domain.errors import DecisionRefused
from ordersaga.domain.result import OrderStatus
from ordersaga.domain.worklist import Attention, OrderDecision
from ordersaga.orders.client import OrderClient
from ordersaga.orders.connection import connect
from ordersaga.orders.worker import order_worker
from ordersaga.orders.workflows.ids import recovery_id, workflow_id
from ordersaga.settings import Settings
from ordersaga.stack.dev_server import temporal_server
from ordersaga.stack.faults import Fault, FaultProxy, Kind
from tests.api.harness import Api, serving, wire
from tests.api.test_worklist import IMPATIENT, item_of
from tests.recovery.test_lost_orders import forget
from tests.recovery.test_watcher import cut_off, one_round
from tests.workflow.environment import OrderEnvironment, until


@pytest.fixture
async def later(faulty_settings: Settings) -> AsyncIterator[tuple[Api, OrderClient]]:
    """The same environment with a Temporal server that has no orders."""
    async with temporal_server() as address:
        temporal = await connect(target_host=address)
        async with (
            order_worker(temporal, faulty_settings),
            serving(faulty_settings, target_host=address) as api,
            OrderClient(temporal, faulty_settings) as orders,
        ):
            yield api, orders


async def test_an_order_that_has_ended_is_shown_as_it_was(
    faulty: Api, later: tuple[Api, OrderClient], env: OrderEnvironment, order_id: str
) -> None:
    await faulty.place(wire(await env.order(order_id)), Prefer="wait=20")
    before = (await faulty.get(f"/v1/orders/{order_id}")).json
    after = (await later[0].get(f"/v1/orders/{order_id}")).json
    for name in ("status", "steps", "items", "amount", "tracking_number", "customer_id", "actions", "shipping_address"):
        assert after[name] == before[name], name
    assert (after["live"], after["problem"]) == (True, None)
    assert [entry["kind"] for entry in after["timeline"]] == ["placed", *["step_done"] * 4, "ended"]


async def test_an_email_that_was_not_sent_still_waits_and_is_decided_on(
    faulty: Api, later: tuple[Api, OrderClient], env: OrderEnvironment, proxy: FaultProxy, order_id: str
) -> None:
    proxy.faults.append(Fault(Kind.ERROR_BEFORE, "notify", order_id, attempts=None))
    await faulty.place(wire(await env.order(order_id, policy=IMPATIENT)), Prefer="wait=30")
    api, orders = later
    assert (await item_of(api, order_id))["attention"] == "mail_not_sent"
    found = (await api.get(f"/v1/orders/{order_id}")).json
    assert {action["step"] for action in found["actions"]} == {"send_confirmation"}

    proxy.lift(order_id)
    decision = {"choice": "retry", "by": "Ada"}
    decided = await api.post(f"/v1/worklist/{order_id}/decisions", decision)
    assert (decided.status, [each["by"] for each in decided.json["decisions"]]) == (200, ["Ada"])
    assert [step["state"] for step in decided.json["steps"]][3:] == ["done"]
    assert (await env.books(order_id))[3:] == ["queued"]
    assert order_id not in [item.order_id for item in await orders.worklist()]
    with pytest.raises(DecisionRefused, match="not on the worklist"):
        await orders.resolve(order_id, OrderDecision(choice="retry", by="Ada"))


async def test_a_recovery_that_outlives_the_run_that_it_recovers_is_shown_and_decided_on(
    faulty: Api, faulty_settings: Settings, temporal: Client, env: OrderEnvironment, proxy: FaultProxy, order_id: str
) -> None:
    """The second half of fault 19."""
    orders = OrderClient(temporal, faulty_settings)
    policy = IMPATIENT | {"hold_before_shipping": 300}
    await faulty.place(wire(await env.order(order_id, policy=policy)))

    async def charged() -> bool:
        return "captured" in await env.books(order_id)

    await until(charged)
    proxy.faults.append(Fault(Kind.ERROR_BEFORE, "refund", order_id, attempts=None))
    await cut_off(orders, order_id)
    assert workflow_id(order_id) in (await one_round(orders, order_id)).recovered
    await item_of(faulty, order_id)
    await forget(temporal, order_id)

    found = (await faulty.get(f"/v1/orders/{order_id}")).json
    assert (found["status"], found["attention"]) == (OrderStatus.NEEDS_ATTENTION, Attention.PARKED)
    assert (found["workflow_id"], found["live"]) == (recovery_id(order_id), True)
    cancel = await faulty.post(f"/v1/orders/{order_id}/cancel", {"reason": "no more"}, Prefer="wait=1")
    assert (cancel.status, cancel.json["outcome"]) == (202, "pending")
    decision = {"choice": "done_by_hand", "by": "Ada", "note": "transfer 17"}
    assert (await faulty.post(f"/v1/worklist/{order_id}/decisions", decision)).status == 200
    assert (await orders.result(order_id)).status is OrderStatus.FAILED
    assert order_id not in [item.order_id for item in await orders.worklist()]
