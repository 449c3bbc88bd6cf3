"""Steps that are being retried: the number of attempts, the last error, and the time of the next attempt."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.client import Client

from ordersaga.domain.result import OrderStatus
from ordersaga.orders.client import OrderClient
from ordersaga.orders.worker import order_worker
from ordersaga.settings import Settings
from ordersaga.stack.faults import Fault, FaultProxy, Kind
from tests.api.harness import Api, serving, wire
from tests.workflow.environment import OrderEnvironment, until

HELD = {"hold_before_shipping": 300, "http_timeout": 2}
FAILS = "payment answered 500"


async def step_of(api: Api, order_id: str, name: str) -> dict[str, Any]:
    """The state of a step of an order."""
    found = (await api.get(f"/v1/orders/{order_id}")).json
    return next(step for step in found["steps"] if step["name"] == name)


async def waiting_for_a_try(api: Api, order_id: str, name: str, count: str) -> dict[str, Any]:
    """A step that has been tried at least twice and will be retried."""

    async def find() -> dict[str, Any] | None:
        step = await step_of(api, order_id, name)
        return step if step[count] >= 2 and step["next_try"] is not None else None

    found = await until(find)
    assert found is not None
    return found


async def has(api: Api, order_id: str, status: str) -> bool:
    """Whether an order has this status."""
    return bool((await api.get(f"/v1/orders/{order_id}")).json["status"] == status)


def seconds_to(step: dict[str, Any]) -> float:
    """The seconds until the next attempt of a step."""
    return (datetime.fromisoformat(step["next_try"]) - datetime.now(UTC)).total_seconds()


async def cancelled_in_its_hold(api: Api, env: OrderEnvironment, order_id: str, **policy: float) -> None:
    """Place an order, and cancel it when it is charged."""
    await api.place(wire(await env.order(order_id, policy=HELD | policy)))

    async def held() -> bool:
        timeline = (await api.get(f"/v1/orders/{order_id}")).json.get("timeline", [])
        return any(entry["kind"] == "hold_begun" for entry in timeline)

    await until(held)
    await api.post(f"/v1/orders/{order_id}/cancel", {"reason": "ordered twice"})


async def test_a_charge_that_the_server_tries_again(
    faulty: Api, env: OrderEnvironment, proxy: FaultProxy, order_id: str
) -> None:
    proxy.faults.append(Fault(Kind.ERROR_BEFORE, "charge", order_id, attempts=None))
    await faulty.place(wire(await env.order(order_id, policy={"http_timeout": 2})))
    charge = await waiting_for_a_try(faulty, order_id, "charge_payment", "attempts")
    assert (charge["state"], charge["undoing"], charge["undo_attempts"], charge["choices"]) == ("running", False, 0, [])
    assert FAILS in charge["last_error"]
    assert seconds_to(charge) < 11

    proxy.lift(order_id)
    await until(lambda: has(faulty, order_id, "completed"), 30)
    done = await step_of(faulty, order_id, "charge_payment")
    assert (done["state"], done["next_try"]) == ("done", None)
    assert done["attempts"] == len(proxy.fired(call="charge", order_id=order_id)) + 1


async def test_a_refund_that_the_server_tries_again_and_one_that_is_parked(
    faulty: Api, env: OrderEnvironment, proxy: FaultProxy, order_id: str
) -> None:
    proxy.faults.append(Fault(Kind.ERROR_BEFORE, "refund", order_id, attempts=None))
    await cancelled_in_its_hold(faulty, env, order_id, undo_patience=5)
    refund = await waiting_for_a_try(faulty, order_id, "charge_payment", "undo_attempts")
    assert (refund["state"], refund["undoing"], refund["attempts"], refund["choices"]) == ("undoing", True, 1, [])
    assert FAILS in refund["last_error"]
    assert seconds_to(refund) < 16

    async def parked() -> dict[str, Any] | None:
        step = await step_of(faulty, order_id, "charge_payment")
        return step if step["state"] == "parked" and step["next_try"] else None

    waits = await until(parked)
    assert waits is not None
    assert (waits["undoing"], waits["choices"]) == (True, ["retry", "done_by_hand", "write_off"])
    assert FAILS in waits["last_error"]
    assert 30 < seconds_to(waits) <= 60

    before = datetime.now(UTC)
    await faulty.post(f"/v1/worklist/{order_id}/decisions", {"choice": "retry", "by": "Ada"})

    async def tried() -> dict[str, Any] | None:
        step = await step_of(faulty, order_id, "charge_payment")
        return step if step["undo_attempts"] > waits["undo_attempts"] and step["next_try"] else None

    again = await until(tried)
    assert again is not None
    assert (again["state"], again["undoing"]) == ("parked", True)
    assert datetime.fromisoformat(again["next_try"]) > before + timedelta(seconds=30)

    proxy.lift(order_id)
    await faulty.post(f"/v1/worklist/{order_id}/decisions", {"choice": "retry", "by": "Ada"})
    await until(lambda: has(faulty, order_id, "cancelled"))

    async def off_the_worklist() -> bool:
        return order_id not in (await faulty.get("/v1/worklist")).text

    await until(off_the_worklist)


async def test_a_refund_that_no_worker_tries_again(
    temporal: Client, faulty_settings: Settings, address: str, env: OrderEnvironment, proxy: FaultProxy, order_id: str
) -> None:
    proxy.faults.append(Fault(Kind.ERROR_BEFORE, "refund", order_id, attempts=None))
    there = faulty_settings.model_copy(update={"task_queue": "goes-away"})
    async with order_worker(temporal, there), serving(there, target_host=address) as api:
        await cancelled_in_its_hold(api, env, order_id)
        known = await waiting_for_a_try(api, order_id, "charge_payment", "undo_attempts")
    async with serving(there, target_host=address) as api:
        found = (await api.get(f"/v1/orders/{order_id}")).json
        refund = next(step for step in found["steps"] if step["name"] == "charge_payment")
    assert (found["live"], found["actions"], refund["state"], refund["undoing"]) == (False, [], "undoing", True)
    assert refund["undo_attempts"] >= known["undo_attempts"]
    assert FAILS in refund["last_error"]
    assert refund["next_try"] is not None

    proxy.lift(order_id)
    async with order_worker(temporal, there):
        assert (await OrderClient(temporal, there).result(order_id)).status is OrderStatus.CANCELLED
