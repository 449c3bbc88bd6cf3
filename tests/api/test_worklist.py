"""The worklist and decisions on its items, over HTTP."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from ordersaga.contracts.register import Attention as AttentionRecord
from ordersaga.contracts.register import ProgressRequest
from ordersaga.domain.result import OrderStatus
from ordersaga.stack.faults import Fault, FaultProxy, Kind
from tests.api.harness import Api, wire
from tests.workflow.environment import OrderEnvironment, until

IMPATIENT = {"http_timeout": 1, "step_deadline": 1, "undo_patience": 1, "fast_path": 1}
NOWHERE = {"street": "1 Crater Rd", "city": "Tranquility", "zip_code": "ABC", "country": "US"}


async def item_of(api: Api, order_id: str) -> dict[str, Any]:
    """The order's item on the worklist, once there is one."""

    async def find() -> dict[str, Any] | None:
        items = (await api.get("/v1/worklist")).json["items"]
        return next((item for item in items if item["order_id"] == order_id), None)

    found = await until(find)
    assert found is not None
    return found


async def test_a_parked_refund_is_decided_on(
    faulty: Api, env: OrderEnvironment, proxy: FaultProxy, order_id: str
) -> None:
    proxy.faults.append(Fault(Kind.ERROR_BEFORE, "refund", order_id, attempts=None))
    await faulty.place(wire(await env.order(order_id, shipping_address=NOWHERE, policy=IMPATIENT)))
    item = await item_of(faulty, order_id)
    assert (item["attention"], item["amount_at_risk"], item["currency"]) == ("parked", "44.98", "USD")
    (step,) = item["steps"]
    assert (step["name"], step["undoing"], step["choices"][0]) == ("charge_payment", True, "retry")
    assert "payment answered 500" in step["error"]

    parked = [each for each in (await faulty.get("/v1/worklist")).json["items"] if each["attention"] == "parked"]
    measured = (await faulty.get("/metrics")).text
    assert f'ordersaga_worklist_orders{{attention="parked"}} {len(parked)}.0' in measured
    at_risk = re.search(r'ordersaga_worklist_amount_at_risk{currency="USD"} ([\d.]+)', measured)
    assert at_risk
    assert float(at_risk[1]) >= 44.98
    found = (await faulty.get(f"/v1/orders/{order_id}")).json
    assert (found["status"], found["attention"]) == ("needs_attention", "parked")
    assert found["actions"] == [
        {"name": name, "step": "charge_payment"} for name in ("retry", "done_by_hand", "write_off")
    ]

    decisions = f"/v1/worklist/{order_id}/decisions"
    for decision, why in (
        ({"choice": "write_off", "by": "Ada"}, "reason"),
        ({"choice": "go_forward", "by": "Ada"}, "create_shipment"),
    ):
        assert why in (await faulty.post(decisions, decision)).problem(409, "DecisionRefused")["detail"]
    for body in ({"choice": "forget", "by": "Ada"}, {"choice": "retry"}, {"choice": "retry", "by": "Ada", "amount": 1}):
        (await faulty.post(decisions, body)).problem(422, "InvalidRequest")

    decided = await faulty.post(decisions, {"choice": "done_by_hand", "by": "Ada", "note": "bank transfer 17"})
    assert (decided.status, decided.json["decisions"][0]["by"]) == (200, "Ada")
    done = (await faulty.get(f"/v1/orders/{order_id}")).json
    assert done["decisions"][0]["note"] == "bank transfer 17"
    assert done["status"] in ("compensating", "failed")
    (await faulty.post(decisions, {"choice": "retry", "by": "Ada"})).problem(409, "DecisionRefused")


async def test_an_email_that_was_not_sent_is_decided_on(
    faulty: Api, env: OrderEnvironment, proxy: FaultProxy, order_id: str
) -> None:
    proxy.faults.append(Fault(Kind.ERROR_BEFORE, "notify", order_id, attempts=None))
    result = await faulty.place(wire(await env.order(order_id, policy=IMPATIENT)), Prefer="wait=30")
    assert (result.json["status"], result.json["message_id"]) == ("completed", None)
    await item_of(faulty, order_id)
    found = (await faulty.get(f"/v1/orders/{order_id}")).json
    assert (found["attention"], {action["step"] for action in found["actions"]}) == (
        "mail_not_sent",
        {"send_confirmation"},
    )
    body = {"choice": "write_off", "by": "Ada", "note": "told her by telephone"}
    assert (await faulty.post(f"/v1/worklist/{order_id}/decisions", body)).status == 200
    found = (await faulty.get(f"/v1/orders/{order_id}")).json
    assert [entry["by"] for entry in found["decisions"]] == ["Ada"]


async def test_an_order_whose_parcel_cannot_be_asked_for_may_go_forward(
    faulty: Api, env: OrderEnvironment, proxy: FaultProxy, order_id: str
) -> None:
    fault = Fault(Kind.ERROR_BEFORE, "cancel_shipment", order_id, attempts=None)
    proxy.faults.append(fault)
    await faulty.place(wire(await env.order(order_id, policy=IMPATIENT | {"hold_before_shipping": 300})))

    async def charged() -> bool:
        return "captured" in await env.books(order_id)

    await until(charged)
    waits = await faulty.post(f"/v1/orders/{order_id}/cancel", {"reason": "too dear"}, Prefer="wait=1")
    assert (waits.status, waits.json["outcome"], waits.headers["retry-after"]) == (202, "pending", "1")
    await item_of(faulty, order_id)
    found = (await faulty.get(f"/v1/orders/{order_id}")).json
    assert {"name": "go_forward", "step": "create_shipment"} in found["actions"]

    proxy.faults.remove(fault)
    decision = {"choice": "go_forward", "by": "Ada", "note": "the carrier says that it has left"}
    assert (await faulty.post(f"/v1/worklist/{order_id}/decisions", decision)).status == 200

    async def completed() -> bool:
        return bool((await faulty.get(f"/v1/orders/{order_id}")).json["status"] == "completed")

    await until(completed)
    (await faulty.post(f"/v1/orders/{order_id}/cancel")).problem(409, "TooLate")


async def test_nobody_is_decided_on(api: Api) -> None:
    body = {"choice": "retry", "by": "Ada"}
    (await api.post("/v1/worklist/nobody/decisions", body)).problem(404, "OrderNotFound")


async def test_the_worklist_is_filtered_and_sorted(api: Api, env: OrderEnvironment, order_id: str) -> None:
    """Orders of one customer: a small and a large one, and an earlier one whose email was not sent."""
    began = datetime.now(UTC)
    for age, (price, kind) in enumerate([("9.00", "cut_off"), ("99.00", "cut_off"), ("0", "mail_not_sent")]):
        order = await env.order(f"{order_id}-{age}", customer_id=order_id)
        standing = await env.orders.register.accept(order, "another deployment's")
        attention = AttentionRecord(kind=kind, amount_at_risk=price, since=began - timedelta(minutes=age))
        report = ProgressRequest(
            owner=standing.owner, run_id="r", number=1, status=OrderStatus.NEEDS_ATTENTION, attention=attention
        )
        await env.services.register.progress(order.order_id, report, 5)

    async def listed(query: str) -> list[str]:
        items = (await api.get(f"/v1/worklist?customer_id={order_id}{query}")).json["items"]
        return [item["order_id"].removeprefix(f"{order_id}-") for item in items]

    assert await until(lambda: listed("")) == ["2", "1", "0"]
    assert await listed("&sort=amount") == ["1", "0", "2"]
    assert await listed("&attention=cut_off") == ["1", "0"]
    assert await listed("&attention=wedged") == []
    (await api.get("/v1/worklist?attention=nonsense")).problem(422, "InvalidRequest")
