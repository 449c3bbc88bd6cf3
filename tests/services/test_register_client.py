"""The register's client with the running register."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from ordersaga.contracts.register import (
    MAX_TEXT,
    Attention,
    AttentionStep,
    ClaimRequest,
    DecisionRequest,
    EndingRequest,
    EndingState,
    EventRecord,
    ForwardRequest,
    NoteRequest,
    OrderFilters,
    ProgressRequest,
    UnwindRequest,
)
from ordersaga.domain.errors import (
    Fenced,
    InvalidRequest,
    NotFound,
    NotYours,
    OrderConflict,
    ServiceFault,
    ServiceUnavailable,
)
from ordersaga.domain.result import OrderStatus
from ordersaga.orders.service_clients import RegisterClient, ServiceHttp
from ordersaga.orders.service_clients.http import MAX_ANSWER_BYTES
from tests.services.test_register import OWNER, STRANGER, claim, ending

SECONDS = 10.0
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CLAIM = ClaimRequest.model_validate(claim())


@pytest.fixture
def client(services_url: str, http: aiohttp.ClientSession) -> RegisterClient:
    """The client."""
    return RegisterClient(ServiceHttp(http, "register", f"{services_url}/register"))


async def test_an_order_from_its_claim_to_its_end(client: RegisterClient, order_id: str) -> None:
    await client.claim(order_id, CLAIM, SECONDS)
    claimed = await client.claim(order_id, CLAIM, SECONDS)
    assert (claimed.state, claimed.ending) == (EndingState.OPEN, None)
    attention = Attention(kind="undo", amount_at_risk="19.99", since=NOW)
    event = EventRecord(number=1, at=NOW, kind="step_done", data={"step": "payment"})
    report = ProgressRequest(
        owner=OWNER, run_id="r", number=1, status=OrderStatus.NEEDS_ATTENTION, attention=attention, events=[event]
    )
    await client.progress(order_id, report, SECONDS)
    assert order_id in [entry.order_id async for entry in client.worklist(kind="undo")]
    assert (await client.unwind(order_id, UnwindRequest(owner=OWNER), SECONDS)).state is EndingState.UNWINDING
    with pytest.raises(Fenced):
        await client.close(order_id, EndingRequest.model_validate(ending()), SECONDS)
    decision = DecisionRequest(
        owner=OWNER, decision_id="d", step="payment", choice="retry", by="grace", at=NOW, run_id="r"
    )
    assert [each.decision_id for each in (await client.decide(order_id, decision, SECONDS)).decisions] == ["d"]
    assert (await client.note(order_id, NoteRequest(note_id="n", by="grace", text="called"), SECONDS)).text == "called"
    assert (await client.forward(order_id, ForwardRequest(owner=OWNER), SECONDS)).state is EndingState.FORWARD
    closed = await client.close(order_id, EndingRequest.model_validate(ending()), SECONDS)
    assert closed.ending
    record = await client.order(order_id)
    received = event.model_copy(update={"run_id": "r"})
    assert (record.ending, record.events, record.status) == (closed.ending, [received], OrderStatus.COMPLETED)
    assert [entry.kind async for entry in client.audit(order_id=order_id)] == ["note", "decision"]
    assert (await client.totals()).orders[OrderStatus.COMPLETED] >= 1


async def test_lists(client: RegisterClient, order_id: str) -> None:
    for number in range(3):
        await client.claim(f"{order_id}-{number}", CLAIM.model_copy(update={"customer_id": order_id}), SECONDS)
    filters = OrderFilters(customer_id=order_id, not_ended=True, placed_after=NOW - timedelta(days=900), currency="USD")
    page = await client.page(filters, limit=2)
    rest = await client.page(filters, cursor=page.next, limit=2)
    names = [f"{order_id}-{number}" for number in (2, 1, 0)]
    assert [entry.order_id for entry in [*page.items, *rest.items]] == names
    assert rest.next is None
    assert [entry.order_id async for entry in client.orders(customer_id=order_id, attention=False)] == names
    assert len((await client.page()).items) >= 3


async def test_a_page_of_very_large_entries_is_read(client: RegisterClient, order_id: str) -> None:
    steps = [AttentionStep(step=f"step {number}", error="€" * MAX_TEXT) for number in range(4)]
    attention = Attention(kind="undo", amount_at_risk="19.99", since=NOW, steps=steps)
    report = ProgressRequest(owner=OWNER, run_id="r", number=1, status=OrderStatus.NEEDS_ATTENTION, attention=attention)
    orders = MAX_ANSWER_BYTES // len(attention.model_dump_json().encode()) + 1
    for number in range(orders):
        await client.claim(f"{order_id}-{number}", CLAIM.model_copy(update={"customer_id": order_id}), SECONDS)
        await client.progress(f"{order_id}-{number}", report, SECONDS)
    page = await client.page(OrderFilters(customer_id=order_id), limit=100)
    assert [entry.attention for entry in page.items] == [attention] * orders


async def test_each_no_has_a_type(client: RegisterClient, order_id: str) -> None:
    with pytest.raises(NotFound):
        await client.order(order_id)
    with pytest.raises(NotFound):
        await client.unwind(order_id, UnwindRequest(owner=OWNER), SECONDS)
    await client.claim(order_id, CLAIM, SECONDS)
    with pytest.raises(OrderConflict, match=order_id):
        await client.claim(order_id, CLAIM.model_copy(update={"owner": STRANGER}), SECONDS)
    with pytest.raises(NotYours):
        await client.forward(order_id, ForwardRequest(owner=STRANGER), SECONDS)
    with pytest.raises(InvalidRequest):
        await client.page(cursor="nonsense")


async def test_a_register_that_does_not_answer_is_unavailable(http: aiohttp.ClientSession) -> None:
    client = RegisterClient(ServiceHttp(http, "register", "http://127.0.0.1:1/register"))
    with pytest.raises(ServiceFault):
        await client.claim("o", CLAIM, SECONDS)
    with pytest.raises(ServiceUnavailable, match="register"):
        await client.order("o")
    with pytest.raises(ServiceUnavailable, match="register"):
        [entry async for entry in client.orders()]
