"""The register: who owns an order, and what runs and people report about it. Everything is stored once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.services.api import Answer, Api, Json
from tests.services.conftest import one_database

OWNER, STRANGER = "1-ada", "1-bob"
NOON = "2026-03-01T12:00:00Z"
LATER = "2026-03-01T13:00:00Z"
ATTENTION: Json = {
    "kind": "undo_failed",
    "amount_at_risk": "19.99",
    "since": NOON,
    "steps": [{"step": "payment", "undoing": True, "error": "503", "attempts": 9, "choices": ["retry"]}],
}


def claim(**changes: Any) -> Json:
    """A valid claim."""
    order = {"items": [{"sku": "mug", "quantity": 2}, {"sku": "tea", "quantity": 1}], "notes": "ring twice ☕"}
    good = {"owner": OWNER, "customer_id": "ada", "email": "ada@example.com", "amount": "19.99", "currency": "USD"}
    return good | {"task_queue": "orders", "order": order} | changes


def ending(status: str = "completed", /, **changes: Any) -> Json:
    """A valid ending."""
    result = {"status": status, "tracking_number": "TRK-1", "refusal": None, "error": None}
    return {"owner": OWNER, "status": status, "result": result, "run_id": "run-1"} | changes


def progress(number: int = 1, /, **changes: Any) -> Json:
    """A valid report."""
    return {"owner": OWNER, "run_id": "run-1", "number": number, "status": "processing"} | changes


def event(number: int, /, **changes: Any) -> Json:
    """A valid event."""
    return {"number": number, "at": NOON, "kind": "step_done", "data": {"step": "payment"}} | changes


def decision(decision_id: str = "d-1", /, **changes: Any) -> Json:
    """A valid decision."""
    good = {"owner": OWNER, "decision_id": decision_id, "step": "payment", "undoing": True, "choice": "retry"}
    return good | {"by": "grace", "note": "the bank is back", "at": NOON, "run_id": "run-1"} | changes


class Orders:
    """The register's endpoints for one order."""

    def __init__(self, api: Api, order_id: str) -> None:
        self.api = api
        self.path = f"/register/orders/{order_id}"

    async def put(self, what: str, body: Json) -> Answer:
        """PUT to a path of the order."""
        return await self.api.put(f"{self.path}{what}", body)

    async def post(self, what: str, body: Json) -> Answer:
        """POST to a path of the order."""
        return await self.api.post(f"{self.path}{what}", body)

    async def read(self) -> Json:
        """Everything that the register has about it."""
        answer = await self.api.get(self.path)
        assert answer.status == 200, answer
        return dict(answer.body)


@pytest.fixture
def order(api: Api, order_id: str) -> Orders:
    """An order that nobody has claimed."""
    return Orders(api, order_id)


@pytest.fixture
async def claimed(order: Orders) -> Orders:
    """An order that was claimed."""
    assert (await order.put("", claim())).status == 201
    return order


async def test_a_claim_is_granted_once_and_answered_the_same_again(order: Orders, order_id: str) -> None:
    first = await order.put("", claim())
    again = await order.put("", claim(customer_id="other", amount="1.00", order={}))
    assert (first.status, again.status) == (201, 200)
    assert first.body == again.body
    assert (first.body["order_id"], first.body["owner"], first.body["state"]) == (order_id, OWNER, "open")
    assert (first.body["decisions"], first.body["ending"]) == ([], None)
    read = await order.read()
    assert {field: read[field] for field in claim()} == claim(), "what the first claim said stays"
    assert (read["status"], read["accepted_at"]) == ("pending", first.body["accepted_at"])


async def test_an_order_of_another_owner_is_a_conflict(claimed: Orders) -> None:
    before = await claimed.read()
    answer = await claimed.put("", claim(owner=STRANGER, amount="1.00"))
    assert (answer.status, answer.type) == (409, "OrderConflict")
    assert await claimed.read() == before


async def test_of_many_claims_at_once_one_is_first(order: Orders) -> None:
    answers = await asyncio.gather(
        *(order.put("", claim(owner=owner, customer_id=owner)) for owner in (OWNER, STRANGER) for _ in range(8))
    )
    assert sorted(answer.status for answer in answers) == [200] * 7 + [201] + [409] * 8
    owner = (await order.read())["owner"]
    assert all(answer.body["owner"] == owner for answer in answers if answer.status < 400)


WRITES: list[tuple[str, str, Json]] = [
    ("POST", "/unwind", {"owner": OWNER, "reason": "cancelled"}),
    ("POST", "/forward", {"owner": OWNER}),
    ("PUT", "/ending", ending()),
    ("PUT", "/progress", progress(events=[event(1)])),
    ("POST", "/decisions", decision()),
]


@pytest.mark.parametrize(("method", "path", "body"), WRITES, ids=[path for _, path, _ in WRITES])
async def test_other_owners_and_unknown_orders_are_rejected(order: Orders, method: str, path: str, body: Json) -> None:
    missing = await order.api.ask(method, order.path + path, body)
    assert (missing.status, missing.type) == (404, "NotFound")
    await order.put("", claim())
    before = await order.read()
    strange = await order.api.ask(method, order.path + path, body | {"owner": STRANGER})
    assert (strange.status, strange.type) == (409, "NotYours")
    assert await order.read() == before


async def test_an_unknown_order_has_no_notes_and_cannot_be_read(order: Orders) -> None:
    assert (await order.post("/notes", {"note_id": "n", "by": "g", "text": "t"})).status == 404
    assert (await order.api.get(order.path)).type == "NotFound"


async def test_the_status_follows_the_run(claimed: Orders) -> None:
    async def status() -> str:
        return str((await claimed.read())["status"])

    await claimed.put("/progress", progress())
    assert await status() == "processing"
    assert (await claimed.post("/unwind", {"owner": OWNER, "reason": "cancelled"})).body["state"] == "unwinding"
    assert await status() == "compensating"
    assert (await claimed.read())["unwind_reason"] == "cancelled"
    await claimed.put("/progress", progress(2, status="needs_attention", attention=ATTENTION))
    assert await status() == "needs_attention"
    assert (await claimed.post("/forward", {"owner": OWNER})).body["state"] == "forward"
    assert await status() == "processing"
    await claimed.put("/ending", ending())
    assert await status() == "completed"


async def test_only_an_ending_ends_an_order(claimed: Orders) -> None:
    await claimed.put("/progress", progress(3, status="completed", attention=ATTENTION))
    read = await claimed.read()
    assert (read["status"], read["state"], read["attention"]["kind"]) == ("pending", "open", "undo_failed")


async def test_an_ending_is_written_once_with_what_lists_show(claimed: Orders) -> None:
    result = {"tracking_number": "TRK-9", "refusal": 7, "error": "the mail\x00 failed", "more": {"is": ["kept"]}}
    first = await claimed.put("/ending", ending(result=result, events=[event(1)]))
    assert first.status == 201
    assert first.body["state"] == "completed"
    assert (first.body["ending"]["result"], first.body["ending"]["run_id"]) == (result, "run-1")
    for other in (ending(), ending("failed", run_id="run-2"), ending("cancelled", attention=ATTENTION)):
        assert await claimed.put("/ending", other) == Answer(200, first.body)
    read = await claimed.read()
    assert (read["ending"], read["ended_at"]) == (first.body["ending"], first.body["ending"]["at"])
    assert (read["tracking_number"], read["refusal"], read["error"]) == ("TRK-9", None, "the mail  failed")
    assert (read["attention"], [each["number"] for each in read["events"]]) == (None, [1])
    assert (await claimed.put("", claim())).body == first.body


async def test_an_ending_clears_what_needs_attention_or_replaces_it(api: Api, order_id: str) -> None:
    for name, attention, left in (("a", None, None), ("b", ATTENTION | {"kind": "mail"}, "mail")):
        order = Orders(api, f"{order_id}-{name}")
        await order.put("", claim())
        await order.put("/progress", progress(attention=ATTENTION))
        await order.put("/ending", ending(attention=attention))
        found = (await order.read())["attention"]
        assert (found and found["kind"]) == left


async def test_a_report_after_the_ending_deals_with_what_is_left(claimed: Orders) -> None:
    await claimed.put("/ending", ending(attention=ATTENTION))
    await claimed.put("/progress", progress(5, status="processing", events=[event(1)]))
    read = await claimed.read()
    assert (read["status"], read["attention"]["kind"]) == ("completed", "undo_failed"), "a late report changes nothing"
    assert len(read["events"]) == 1, "but its events are kept"
    await claimed.put("/progress", progress(6, status="completed"))
    read = await claimed.read()
    assert (read["status"], read["attention"]) == ("completed", None)


async def test_an_older_report_of_the_same_run_adds_its_events_only(claimed: Orders) -> None:
    await claimed.put("/progress", progress(4, status="needs_attention", attention=ATTENTION))
    await claimed.put("/progress", progress(3, status="processing", events=[event(3)]))
    read = await claimed.read()
    assert (read["status"], len(read["events"])) == ("needs_attention", 1)
    await claimed.put("/progress", progress(4, status="processing"))
    assert (await claimed.read())["attention"] is None, "a repeated number counts"
    await claimed.put("/progress", progress(1, status="compensating", run_id="run-2"))
    assert (await claimed.read())["status"] == "compensating", "another run has numbers of its own"


async def test_attention_is_read_as_it_was_written(claimed: Orders) -> None:
    await claimed.put("/progress", progress(attention=ATTENTION))
    step = ATTENTION["steps"][0] | {"next_try": None}
    assert (await claimed.read())["attention"] == ATTENTION | {"steps": [step]}


async def test_each_event_is_written_once_and_read_in_order(claimed: Orders) -> None:
    first = [event(1), event(2, at=LATER), event(3, at=LATER, data={"deep": [1, {"x": None}]})]
    second = [event(1, at=LATER), event(2, at="2026-03-01T13:00:00.500000Z")]
    await claimed.put("/progress", progress(2, events=second, run_id="a-second-run"))
    await claimed.put("/progress", progress(2, events=first[1:]))
    await asyncio.gather(*(claimed.put("/progress", progress(3, events=first)) for _ in range(5)))
    await claimed.put("/progress", progress(3, events=[event(3, kind="other")]))
    read = (await claimed.read())["events"]
    runs = [each.pop("run_id") for each in read]
    assert read == [*first, *second]
    assert runs == [progress(1)["run_id"]] * 3 + ["a-second-run"] * 2


async def test_a_decision_is_written_once_also_after_the_ending(claimed: Orders) -> None:
    assert (await claimed.post("/decisions", decision())).status == 201
    again = await claimed.post("/decisions", decision(choice="write_off"))
    assert (again.status, [each["choice"] for each in again.body["decisions"]]) == (200, ["retry"])
    await claimed.put("/ending", ending())
    last = await claimed.post("/decisions", decision("d-2", choice="write_off", at="2020-01-01T00:00:00Z"))
    assert last.status == 201
    expected = [decision(), decision("d-2", choice="write_off", at="2020-01-01T00:00:00Z")]
    received = [{name: value for name, value in each.items() if name != "owner"} for each in expected]
    assert last.body["decisions"] == received
    assert (await claimed.put("", claim())).body["decisions"] == received
    assert (await claimed.read())["decisions"] == received


async def test_of_many_decisions_each_is_written(claimed: Orders) -> None:
    answers = await asyncio.gather(*(claimed.post("/decisions", decision(f"d-{n % 5}")) for n in range(20)))
    assert sorted(answer.status for answer in answers) == [200] * 15 + [201] * 5
    standing = await claimed.put("", claim())
    assert sorted(each["decision_id"] for each in standing.body["decisions"]) == [f"d-{n}" for n in range(5)]


async def test_a_note_is_written_once(claimed: Orders) -> None:
    body = {"note_id": "n-1", "by": "grace", "text": "called the bank\nagain at 5\x07"}
    first = await claimed.post("/notes", body)
    again = await claimed.post("/notes", body | {"text": "another"})
    assert (first.status, again.status, again.body) == (201, 200, first.body)
    assert first.body["text"] == "called the bank\nagain at 5 "
    assert (await claimed.read())["notes"] == [first.body]


async def test_an_order_of_any_shape_is_kept(api: Api, order_id: str) -> None:
    shapes: list[Json] = [
        {},
        {"items": None},
        {"items": [1, {"sku": 7}, {"sku": "a\x00b"}, {"no": "sku"}, {"sku": "x" * 9_999}, {"sku": "mug"}]},
        {"items": [{"sku": "mug"}] * 3, "a": {"b": [[[{"c": "\x00 é ☕"}]]]}, "n": 10**30},
        {"items": [{"sku": "mug"}] * 60, "text": "NaN and Infinity" + "{[" * 60, "deep": {"x": {"x": [[{}]] * 60}}},
    ]
    for number, shape in enumerate(shapes):
        order = Orders(api, f"{order_id}-{number}")
        assert (await order.put("", claim(order=shape))).status == 201
        assert (await order.read())["order"] == shape


async def test_money_is_exact_in_every_currency(api: Api, order_id: str) -> None:
    for currency, amount in (("JPY", "500"), ("KWD", "1.234"), ("USD", "0.01"), ("ZWL", "5.00")):
        order = Orders(api, f"{order_id}-{currency}")
        assert (await order.put("", claim(currency=currency, amount=amount))).status == 201
        read = await order.read()
        assert (read["amount"], read["currency"]) == (amount, currency)


DEEP: Json = {}
for _ in range(60):
    DEEP = {"x": DEEP}

BAD: list[tuple[str, str, Json]] = [
    ("PUT", "", claim(amount="1.999")),
    ("PUT", "", claim(amount="-1.00")),
    ("PUT", "", claim(currency="dollars")),
    ("PUT", "", claim(owner="")),
    ("PUT", "", claim(customer_id="a\x00b")),
    ("PUT", "", claim(surprise=1)),
    ("PUT", "", claim(order=DEEP)),
    ("PUT", "", claim(order={"x": float("nan")})),
    ("PUT", "", claim(order={"x": "\ud800"})),
    ("PUT", "/ending", ending("processing")),
    ("PUT", "/ending", ending(result=[])),
    ("PUT", "/progress", progress(-1)),
    ("PUT", "/progress", progress(status="lost")),
    ("PUT", "/progress", progress(events=[event(0)])),
    ("PUT", "/progress", progress(events=[event(1, at="2026-03-01T12:00:00")])),
    ("PUT", "/progress", progress(events=[event(1, at="0001-01-01T00:00:00+10:00")])),
    ("PUT", "/progress", progress(attention=ATTENTION | {"amount_at_risk": "much"})),
    ("POST", "/decisions", decision("")),
    ("POST", "/notes", {"note_id": "n", "by": "grace", "text": ""}),
    ("POST", "/notes", {"note_id": "n", "by": "grace", "text": "x" * 2_001}),
    ("POST", "/unwind", {"reason": "no owner"}),
]


@one_database
async def test_bad_bodies_are_refused_and_change_nothing(claimed: Orders) -> None:
    before = await claimed.read()
    for method, path, body in BAD:
        answer = await claimed.api.ask(method, claimed.path + path, body)
        assert (answer.status, answer.type) == (422, "InvalidRequest"), (method, path, body)
    assert await claimed.read() == before


@one_database
@pytest.mark.parametrize("order_id", ["-x", "a%00b", "a%20b", "x" * 101, "%C3%A9"])
async def test_an_impossible_id_is_refused(api: Api, order_id: str) -> None:
    assert (await api.put(f"/register/orders/{order_id}", claim())).status == 422
