"""Notes on orders, and the audit log, over HTTP."""

from __future__ import annotations

from typing import Any

from ordersaga.stack.faults import Fault, FaultProxy, Kind
from tests.api.harness import Api, wire
from tests.api.test_worklist import IMPATIENT, NOWHERE, item_of
from tests.workflow.environment import OrderEnvironment

Guarded = dict[str, Api]
SAID = {"by": "Ada Lovelace", "text": "The customer called:\nsend it on Monday."}


async def notes_of(api: Api, order_id: str) -> list[dict[str, Any]]:
    notes: list[dict[str, Any]] = (await api.get(f"/v1/orders/{order_id}")).json["notes"]
    return notes


async def test_a_note_is_kept_with_its_order_once_also_after_the_end(
    api: Api, env: OrderEnvironment, order_id: str
) -> None:
    await api.place(wire(await env.order(order_id)), Prefer="wait=20")
    assert await notes_of(api, order_id) == []
    notes = f"/v1/orders/{order_id}/notes"
    for _ in range(2):
        answer = await api.post(notes, SAID | {"note_id": "n-1"})
        assert (answer.status, answer.json["text"]) == (201, SAID["text"])
    await api.post(notes, {"by": "Bob", "text": "It is on its way."})

    found = await notes_of(api, order_id)
    assert [(each["by"], each["text"].split()[0]) for each in found] == [("Ada Lovelace", "The"), ("Bob", "It")]
    assert (await env.orders.note(order_id, "Ada", "once more", "n-1")).by == "Ada Lovelace", "it never changes"


async def test_an_empty_note_or_one_on_a_missing_order_is_refused(
    api: Api, env: OrderEnvironment, order_id: str
) -> None:
    await env.orders.submit_order(await env.order(order_id))
    for wrong in ({"text": " "}, {"by": ""}, {"text": "x" * 2_001}, {"by": "a\nb"}, {"colour": "red"}):
        (await api.post(f"/v1/orders/{order_id}/notes", SAID | wrong)).problem(422, "InvalidRequest")
    (await api.post(f"/v1/orders/{order_id}-never/notes", SAID)).problem(404, "OrderNotFound")
    assert await notes_of(api, order_id) == []


async def test_a_customers_key_sees_no_notes(guarded: Guarded, env: OrderEnvironment, order_id: str) -> None:
    await env.orders.submit_order(await env.order(order_id, customer_id="ada"))
    await guarded["operator"].post(f"/v1/orders/{order_id}/notes", SAID)
    assert len(await notes_of(guarded["operator"], order_id)) == 1
    assert await notes_of(guarded["ada"], order_id) == []


async def test_the_audit_has_decisions_notes_and_cancels_newest_first(
    faulty: Api, env: OrderEnvironment, proxy: FaultProxy, order_id: str
) -> None:
    fault = Fault(Kind.ERROR_BEFORE, "refund", order_id, attempts=None)
    proxy.faults.append(fault)
    await faulty.place(wire(await env.order(order_id, shipping_address=NOWHERE, policy=IMPATIENT)))
    await item_of(faulty, order_id)
    name = f"Ada of {order_id}"
    await faulty.post(f"/v1/orders/{order_id}/notes", {"by": name, "text": "paid by transfer"})
    decision = {"choice": "done_by_hand", "by": name, "note": "transfer 17"}
    assert (await faulty.post(f"/v1/worklist/{order_id}/decisions", decision)).status == 200

    async def audit(query: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = (await faulty.get(f"/v1/audit?{query}")).json["items"]
        return items

    decided, noted = await audit(f"order_id={order_id}")
    assert (decided["kind"], decided["by"], decided["choice"]) == ("decision", name, "done_by_hand")
    assert (decided["step"], decided["undoing"], decided["note"]) == ("charge_payment", True, "transfer 17")
    assert (noted["kind"], noted["by"], noted["text"]) == ("note", name, "paid by transfer")
    assert [each["kind"] for each in await audit(f"by={name}&kind=note")] == ["note"]
    assert await audit(f"order_id={order_id}&kind=cancel_requested") == []


async def test_the_audit_has_whose_key_has_cancelled(guarded: Guarded, env: OrderEnvironment, order_id: str) -> None:
    await env.orders.submit_order(await env.order(order_id, customer_id="ada", policy={"hold_before_shipping": 300}))
    sent = await guarded["ada"].post(f"/v1/orders/{order_id}/cancel", {"reason": "ordered twice"})
    assert (sent.status, sent.json["outcome"]) == (200, "cancelled")
    await env.orders.result(order_id)

    found = (await guarded["operator"].get(f"/v1/audit?order_id={order_id}")).json["items"]
    assert [(each["kind"], each["by"], each["reason"]) for each in found] == [
        ("cancel_requested", "ada", "ordered twice")
    ]


async def test_the_audit_is_read_page_by_page(api: Api, env: OrderEnvironment, order_id: str) -> None:
    await env.orders.submit_order(await env.order(order_id))
    for number in range(3):
        await env.orders.note(order_id, "Ada", f"note {number}")
    first = (await api.get(f"/v1/audit?order_id={order_id}&limit=2")).json
    assert [each["text"] for each in first["items"]] == ["note 2", "note 1"]
    second = (await api.get(f"/v1/audit?order_id={order_id}&limit=2&cursor={first['next']}")).json
    assert ([each["text"] for each in second["items"]], second["next"]) == (["note 0"], None)
    (await api.get("/v1/audit?cursor=bm9uc2Vuc2U")).problem(404, "InvalidCursor")
