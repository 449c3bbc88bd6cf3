"""The projection of an order's saga: status, view, result and search attributes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from temporalio import workflow
from temporalio.common import SearchAttributePair, SearchAttributeUpdate, TypedSearchAttributes

from ordersaga.domain.order import OrderInput
from ordersaga.domain.result import DecisionEntry, OrderStatus
from ordersaga.domain.worklist import Attention
from ordersaga.orders.workflows.projection import (
    AT_RISK,
    ATTENTION,
    CUSTOMER,
    SEARCH_ATTRIBUTES,
    SINCE,
    STATUS,
    OrderProjection,
)
from ordersaga.orders.workflows.register import decision_entry
from ordersaga.orders.workflows.story import ORDER_SAGA
from ordersaga.saga import (
    CancelRequested,
    Choice,
    Decided,
    Decision,
    Outcome,
    PendingDecisions,
    Phase,
    SagaEnding,
    SagaRun,
    StepBegun,
    StepRecord,
    StepState,
    Verdict,
)
from tests.unit.orders import order_of

NOW = datetime(2026, 1, 1, 12, 30, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
STANDS, UNDONE = Outcome(Verdict.STANDS), Outcome(Verdict.UNDONE, error="sold out", refusal="SoldOut")
CANCELLED = Outcome(Verdict.UNDONE, cancelled=True)
WRITE_OFF = Decided(Decision("charge_payment", Choice.WRITE_OFF, "Ada", "too small"), NOW)
ENTRY = DecisionEntry(step="charge_payment", choice="write_off", by="Ada", note="too small", at=NOW)


@dataclass
class Saga:
    """The parts of a saga's run that a projection reads."""

    records: dict[str, StepRecord]
    outcome: Outcome | None = None
    begun: bool = False
    phase: Phase = Phase.FORWARD
    verdict: Verdict | None = None
    error: str | None = "an error"
    refusal: str | None = "ARefusal"
    cancel_reason: str | None = "a reason"
    booked: Any = None
    decided: list[Decided] = field(default_factory=list)
    decisions: PendingDecisions = field(default_factory=PendingDecisions)

    def answer(self, step: Any) -> Any:
        """The answer of the shipment."""
        assert step.name == "create_shipment"
        return self.booked

    def ending(self, outcome: Outcome) -> SagaEnding:
        """The whole ending for this outcome."""
        return SagaEnding(
            key="A-1",
            verdict=outcome.verdict,
            cancelled=outcome.cancelled,
            error=outcome.error,
            refusal=outcome.refusal,
            cancel_reason=self.cancel_reason,
            steps=list(self.records.values()),
            answers={"create_shipment": self.booked} if self.booked else {},
            events=[],
            decided=self.decided,
        )

    @property
    def needs_attention(self) -> bool:
        """Whether a step is parked."""
        return any(record.state is StepState.PARKED for record in self.records.values())


class Shown:
    """What was sent to Temporal."""

    def __init__(self) -> None:
        self.details: list[str] = []
        self.updates: list[list[SearchAttributeUpdate[Any]]] = []
        self.attributes = TypedSearchAttributes([SearchAttributePair(CUSTOMER, "customer-1")])

    def values(self) -> dict[str, Any]:
        """The search attributes of the last update that wrote some."""
        return {each.key.name: each.value for each in self.updates[-1]}


@pytest.fixture(autouse=True)
def shown(monkeypatch: pytest.MonkeyPatch) -> Shown:
    shown = Shown()
    monkeypatch.setattr(workflow, "now", lambda: NOW)
    monkeypatch.setattr(workflow, "info", lambda: SimpleNamespace(typed_search_attributes=shown.attributes))
    monkeypatch.setattr(workflow, "set_current_details", shown.details.append)
    monkeypatch.setattr(workflow, "upsert_search_attributes", shown.updates.append)
    return shown


@pytest.fixture
def order() -> OrderInput:
    return order_of()


@pytest.fixture
def saga() -> Saga:
    records = [StepRecord(each.name, each.name, each.effect_id("A-1")) for each in ORDER_SAGA.steps]
    return Saga({record.name: record for record in records})


@pytest.fixture
def projection(order: OrderInput, saga: Saga) -> OrderProjection:
    return OrderProjection(order, cast("SagaRun[OrderInput]", saga))


def test_an_order_waits_until_its_saga_has_begun(saga: Saga, projection: OrderProjection) -> None:
    assert str(projection.status) == "pending"
    saga.begun = True
    assert str(projection.status) == "processing"


@pytest.mark.parametrize(
    ("outcome", "status"),
    [(STANDS, OrderStatus.COMPLETED), (UNDONE, OrderStatus.FAILED), (CANCELLED, OrderStatus.CANCELLED)],
)
def test_what_is_nearer_to_the_end_decides_the_status(
    saga: Saga, projection: OrderProjection, outcome: Outcome, status: OrderStatus
) -> None:
    saga.phase = Phase.UNWINDING
    assert str(projection.status) == "compensating"
    saga.records["charge_payment"].state = StepState.PARKED
    assert str(projection.status) == "needs_attention"
    saga.outcome = outcome
    assert projection.status is status
    projection.finish(outcome)
    saga.outcome = None
    assert projection.status is status, "the result says so for ever"


def test_a_step_is_shown_with_all_that_is_known_of_it(saga: Saga, projection: OrderProjection) -> None:
    record = saga.records["charge_payment"]
    record.state, record.attempts, record.undo_attempts = StepState.PARKED, 2, 3
    record.last_error, record.undoing, record.next_try, record.since = "broken", True, LATER, NOW
    saga.decisions.open("charge_payment")

    view = projection.view()

    assert [each.name for each in view.steps] == [each.name for each in ORDER_SAGA.steps]
    assert view.steps[1].model_dump() == {
        "name": "charge_payment",
        "id": "pay-A-1",
        "state": "parked",
        "attempts": 2,
        "undo_attempts": 3,
        "last_error": "broken",
        "undoing": True,
        "next_try": LATER,
        "choices": ["retry", "done_by_hand", "write_off"],
    }
    assert view.since == {"charge_payment": NOW}


async def test_a_view_has_all_that_is_known_of_an_order(saga: Saga, projection: OrderProjection) -> None:
    saga.decided, saga.booked = [WRITE_OFF], SimpleNamespace(tracking_number="1Z999")
    projection.sync(CancelRequested(at=NOW, reason="a reason"))

    view = projection.view().model_dump(exclude={"steps", "since"})

    (entry,) = view.pop("timeline")
    assert (entry["kind"], entry["at"], entry["reason"]) == ("cancel_requested", NOW, "a reason")
    assert view == {
        "order_id": "A-1",
        "status": "pending",
        "amount": "44.98",
        "currency": "EUR",
        "tracking_number": "1Z999",
        "error": "an error",
        "refusal": "ARefusal",
        "cancel_reason": "a reason",
        "decisions": [ENTRY.model_dump()],
    }


def test_a_shipment_booked_by_hand_has_no_tracking_number(projection: OrderProjection) -> None:
    assert projection.tracking_number is None


def test_a_result_names_what_is_in_effect_and_no_more(saga: Saga, projection: OrderProjection) -> None:
    saga.decided, saga.booked = [WRITE_OFF], SimpleNamespace(tracking_number="1Z999")
    for name, state in zip(saga.records, ["done", "written_off", "done", "gave_up"], strict=True):
        saga.records[name].state = StepState(state)

    first = ENTRY.model_copy(update={"by": "Bob"})
    result = projection.finish(STANDS, [first])

    assert projection.result is result
    assert result.model_dump(exclude={"steps"}) == {
        "order_id": "A-1",
        "status": "completed",
        "reservation_id": "rsv-A-1",
        "payment_id": None,
        "shipment_id": "shp-A-1",
        "message_id": None,
        "tracking_number": "1Z999",
        "error": None,
        "refusal": None,
        "amount": "44.98",
        "currency": "EUR",
        "cancel_reason": "a reason",
        "decisions": [first.model_dump(), ENTRY.model_dump()],
    }
    assert [each.state for each in result.steps] == ["done", "written_off", "done", "gave_up"]


def test_the_result_of_an_undone_order_has_a_reason_and_no_parcel(saga: Saga, projection: OrderProjection) -> None:
    saga.booked = SimpleNamespace(tracking_number="1Z999")
    result = projection.finish(UNDONE)

    assert (result.status, result.error, result.refusal) == (OrderStatus.FAILED, "sold out", "SoldOut")
    assert (result.tracking_number, result.decisions) == (None, [])
    assert {result.reservation_id, result.payment_id, result.shipment_id, result.message_id} == {None}


def test_every_effect_has_its_own_place_in_the_result(saga: Saga, projection: OrderProjection) -> None:
    for record in saga.records.values():
        record.state = StepState.DONE

    result = projection.finish(STANDS)

    ids = (result.reservation_id, result.payment_id, result.shipment_id, result.message_id)
    assert ids == ("rsv-A-1", "pay-A-1", "shp-A-1", "msg-A-1")


# -- what Temporal shows


async def test_what_happens_in_one_go_is_shown_once_and_after_it(
    saga: Saga, projection: OrderProjection, shown: Shown
) -> None:
    saga.begun = True
    projection.sync(CancelRequested(at=NOW, reason="one"))
    projection.sync(CancelRequested(at=LATER, reason="two"))
    assert shown.details == []
    saga.records["reserve_inventory"].state = StepState.DONE
    saga.records["reserve_inventory"].attempts = 2
    saga.records["charge_payment"].last_error = "broken"
    await asyncio.sleep(0)

    (details,) = shown.details
    assert details.splitlines()[:9] == [
        f"**processing** · {projection.order.total}",
        "",
        "| step | state | id | attempts | last error |",
        "|---|---|---|---|---|",
        "| reserve_inventory | done | rsv-A-1 | 2 |  |",
        "| charge_payment | pending | pay-A-1 | 0 | broken |",
        "| create_shipment | pending | shp-A-1 | 0 |  |",
        "| send_confirmation | pending | msg-A-1 | 0 |  |",
        "",
    ]
    assert [line[:10] for line in details.splitlines()[9:]] == ["- 12:30:00", "- 12:31:00"]
    assert "one" in details.splitlines()[9]
    projection.sync(CancelRequested(at=LATER, reason="three"))
    await asyncio.sleep(0)
    assert len(shown.details) == 2


async def test_events_that_are_not_on_the_timeline_still_update_what_is_shown(
    projection: OrderProjection, shown: Shown
) -> None:
    projection.sync(
        StepBegun(at=NOW, step="charge_payment", state=StepState.RUNNING, was=StepState.PENDING, since=None)
    )
    await asyncio.sleep(0)

    assert projection.view().timeline == []
    assert len(shown.details) == 1


async def test_the_end_is_shown_at_once_and_only_once(projection: OrderProjection, shown: Shown) -> None:
    projection.sync(CancelRequested(at=NOW, reason="one"))
    projection.finish(CANCELLED)
    assert [details.split(" ")[0] for details in shown.details] == ["**cancelled**"]
    await asyncio.sleep(0)
    assert len(shown.details) == 1


def test_without_our_search_attributes_none_is_written(projection: OrderProjection, shown: Shown) -> None:
    shown.attributes = TypedSearchAttributes([])
    projection.finish(CANCELLED)

    assert (len(shown.details), shown.updates) == (1, [])


@pytest.mark.parametrize(("outcome", "status"), [(UNDONE, "failed"), (CANCELLED, "cancelled")])
def test_an_order_that_ends_otherwise_than_well_is_found_by_its_status(
    projection: OrderProjection, shown: Shown, outcome: Outcome, status: str
) -> None:
    projection.finish(outcome)
    assert shown.values() == {"OrderStatus": status}
    projection._sync_now()
    assert len(shown.updates) == 1, "nothing is written twice"


def test_an_order_that_ends_well_writes_nothing(saga: Saga, projection: OrderProjection, shown: Shown) -> None:
    saga.outcome = STANDS
    saga.records["send_confirmation"].state = StepState.DONE
    projection.finish(STANDS)

    assert shown.updates == []


def test_what_is_parked_is_on_the_worklist_with_its_amount_and_leaves_it_without_a_trace(
    saga: Saga, projection: OrderProjection, shown: Shown
) -> None:
    record = saga.records["charge_payment"]
    record.state = StepState.PARKED
    projection._sync_now()
    parked = {"OrderAttention": "parked", "OrderAmountAtRisk": 4498, "OrderAttentionSince": NOW}
    assert shown.values() == {"OrderStatus": "needs_attention", **parked}
    projection._sync_now()
    assert len(shown.updates) == 1

    record.state, saga.outcome = StepState.UNDONE, STANDS
    projection._sync_now()
    assert shown.values() == {
        "OrderStatus": "completed",
        "OrderAttention": None,
        "OrderAmountAtRisk": None,
        "OrderAttentionSince": None,
    }
    assert projection.attention is None


def test_an_email_that_was_not_sent_is_on_the_worklist_once_the_order_has_ended_and_risks_nothing(
    saga: Saga, projection: OrderProjection, shown: Shown
) -> None:
    saga.records["send_confirmation"].state = StepState.GAVE_UP
    assert projection.attention is None, "the order goes on"
    saga.outcome = STANDS
    assert projection.attention is Attention.MAIL_NOT_SENT
    projection._sync_now()

    mail = {"OrderAttention": "mail_not_sent", "OrderAmountAtRisk": 0, "OrderAttentionSince": NOW}
    assert shown.values() == mail
    saga.records.clear()
    assert projection.attention is None


def test_the_search_attributes_are_all_that_a_server_is_asked_to_have() -> None:
    assert set(SEARCH_ATTRIBUTES) == {STATUS, CUSTOMER, ATTENTION, AT_RISK, SINCE}


def test_a_decision_is_shown_with_its_author_and_time() -> None:
    assert decision_entry(WRITE_OFF) == ENTRY
