"""What a run sends to the register about an order: how it has ended, and the events on the way."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from ordersaga.contracts.register import Attention as AttentionRecord
    from ordersaga.contracts.register import AttentionStep, EndingRequest, EventRecord
    from ordersaga.domain.order import OrderInput
    from ordersaga.domain.result import DecisionEntry, OrderResult, OrderStatus, StepOutcome, TimelineEntry
    from ordersaga.domain.worklist import Attention
    from ordersaga.orders.activities import OrderEnding, RegisterActivities
    from ordersaga.orders.workflows.steps import CHARGE, CONFIRM, RESERVE, SHIP
    from ordersaga.orders.workflows.timeline import entry_of
    from ordersaga.saga import Decided, Outcome, Register, SagaEnding, StepRecord, StepState, Verdict
    from ordersaga.saga.decisions import BY_A_PERSON

if TYPE_CHECKING:
    from collections.abc import Sequence

_ID_FIELDS = {
    RESERVE.name: "reservation_id",
    CHARGE.name: "payment_id",
    SHIP.name: "shipment_id",
    CONFIRM.name: "message_id",
}


def order_result(order: OrderInput, ending: SagaEnding) -> OrderResult:
    """An order's result. It contains only the ids of effects that exist."""
    booked = ending.answers.get(SHIP.name)
    live = [record for record in ending.steps if record.state is StepState.DONE]
    ids = {_ID_FIELDS[record.name]: str(record.id) for record in live if record.name in _ID_FIELDS}
    stands = ending.verdict is Verdict.STANDS
    return OrderResult(
        order_id=order.order_id,
        status=status_of(Outcome(ending.verdict, ending.cancelled)),
        **ids,
        tracking_number=booked.tracking_number if stands and booked else None,
        error=ending.error,
        refusal=ending.refusal,
        amount=order.total.amount,
        currency=order.currency,
        cancel_reason=ending.cancel_reason,
        steps=[step_outcome(record) for record in ending.steps],
        decisions=[decision_entry(each) for each in ending.decided],
    )


def order_ending(order: OrderInput, ending: SagaEnding) -> OrderEnding:
    """The ending that a run sends to the register. The activity fills in the run's id."""
    result = order_result(order, ending)
    entries = [entry for event in ending.events if (entry := entry_of(event)) is not None]
    request = EndingRequest(
        owner=order.fingerprint,
        status=result.status,
        result=result.model_dump(mode="json"),
        run_id="-",
        events=event_records(entries),
        attention=unsent_mail(ending.steps),
    )
    return OrderEnding(order_id=order.order_id, ahead=ending.ahead, ending=request)


def event_records(entries: Iterable[TimelineEntry]) -> list[EventRecord]:
    """A run's timeline, as the register stores it."""
    return [
        EventRecord(
            number=number,
            at=entry.at,
            kind=entry.kind,
            data=entry.model_dump(mode="json", exclude={"at", "kind"}, exclude_none=True),
        )
        for number, entry in enumerate(entries, start=1)
    ]


def status_of(outcome: Outcome) -> OrderStatus:
    """The status of an order with this outcome."""
    if outcome.verdict is Verdict.STANDS:
        return OrderStatus.COMPLETED
    return OrderStatus.CANCELLED if outcome.cancelled else OrderStatus.FAILED


def step_outcome(record: StepRecord) -> StepOutcome:
    """A step as results and views show it."""
    return StepOutcome(
        name=record.name,
        id=record.id,
        state=record.state,
        attempts=record.attempts,
        undo_attempts=record.undo_attempts,
        last_error=record.last_error,
    )


def decision_entry(decided: Decided) -> DecisionEntry:
    """A decision that was carried out, as results and views show it."""
    decision = decided.decision
    return DecisionEntry(step=decision.step, choice=decision.choice, by=decision.by, note=decision.note, at=decided.at)


def is_unsent(steps: Sequence[StepRecord]) -> bool:
    """Whether the confirmation could not be sent."""
    return any(record.name == CONFIRM.name and record.state is StepState.GAVE_UP for record in steps)


def unsent_mail(steps: Sequence[StepRecord]) -> AttentionRecord | None:
    """What a person still has to do about the confirmation of an order that has ended, if anything."""
    if not is_unsent(steps):
        return None
    mail = next(record for record in steps if record.name == CONFIRM.name)
    assert mail.since is not None, "it has been given up"
    step = AttentionStep(
        step=mail.name, error=mail.last_error, attempts=mail.attempts, choices=[str(choice) for choice in BY_A_PERSON]
    )
    return AttentionRecord(kind=Attention.MAIL_NOT_SENT, amount_at_risk="0", since=mail.since, steps=[step])


def failed_refund(amount: str, since: datetime, error: str, attempts: int) -> AttentionRecord:
    """What a person has to do about a refund that failed after its order had ended."""
    step = AttentionStep(
        step=CHARGE.name,
        undoing=True,
        error=error,
        attempts=attempts,
        choices=[str(choice) for choice in BY_A_PERSON],
    )
    return AttentionRecord(kind=Attention.REFUND_FAILED, amount_at_risk=amount, since=since, steps=[step])


ORDER_REGISTER = Register[OrderInput](
    claim=RegisterActivities.accept_order,
    unwind=RegisterActivities.announce_unwind,
    forward=RegisterActivities.announce_forward,
    close=RegisterActivities.close_order,
    decide=RegisterActivities.record_decision,
    ending=order_ending,
    fast_path=True,
)
