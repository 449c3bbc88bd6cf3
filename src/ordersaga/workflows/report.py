"""What an order tells of itself: its status, view and result, and what Temporal's Web UI and search show."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributeUpdate

from ordersaga.domain.order import OrderInput
from ordersaga.domain.result import DecisionEntry, OrderResult, OrderStatus, OrderView, StepOutcome, TimelineEntry
from ordersaga.domain.worklist import Attention, OrderDecision
from ordersaga.saga import Choice, Decision, Ending, Phase, SagaRun, StepState, Verdict
from ordersaga.workflows.steps import CHARGE, CONFIRM, RESERVE, SHIP

STATUS = SearchAttributeKey.for_keyword("OrderStatus")
CUSTOMER = SearchAttributeKey.for_keyword("OrderCustomer")
ATTENTION = SearchAttributeKey.for_keyword("OrderAttention")
AT_RISK = SearchAttributeKey.for_int("OrderAmountAtRisk")
"""In minor units of the order's currency."""
SINCE = SearchAttributeKey.for_datetime("OrderAttentionSince")
SEARCH_ATTRIBUTES = (STATUS, CUSTOMER, ATTENTION, AT_RISK, SINCE)

_WORTH_SEARCHING = (OrderStatus.NEEDS_ATTENTION, OrderStatus.FAILED, OrderStatus.CANCELLED)
"""The statuses that are written to search. An order without one runs or has completed, which Temporal knows itself."""


_ID_FIELDS = {
    RESERVE.name: "reservation_id",
    CHARGE.name: "payment_id",
    SHIP.name: "shipment_id",
    CONFIRM.name: "message_id",
}


class Report:
    """Reads the saga's records; decides nothing."""

    def __init__(self, order: OrderInput, saga: SagaRun[OrderInput]) -> None:
        self.order = order
        self.saga = saga
        self.result: OrderResult | None = None
        self._total = order.total
        self._published: OrderStatus | None = None
        self._attention: Attention | None = None
        self._states: dict[str, StepState] = {}
        self._since: dict[str, datetime] = {}
        self._entries: list[TimelineEntry] = []

    @property
    def tracking_number(self) -> str | None:
        """The parcel's, as soon as its shipment is booked."""
        booked = self.saga.answer(SHIP)
        return booked.tracking_number if booked else None

    @property
    def status(self) -> OrderStatus:
        """Where the order stands."""
        if self.result is not None:
            return self.result.status
        if self.saga.needs_attention:
            return OrderStatus.NEEDS_ATTENTION
        if self.saga.phase is Phase.UNWINDING:
            return OrderStatus.COMPENSATING
        started = any(record.state is not StepState.PENDING for record in self.saga.records.values())
        return OrderStatus.PROCESSING if started else OrderStatus.PENDING

    def steps(self) -> list[StepOutcome]:
        """How each step stands."""
        return [
            StepOutcome(
                name=record.name,
                id=record.id,
                state=record.state,
                attempts=record.attempts,
                undo_attempts=record.undo_attempts,
                last_error=record.last_error,
            )
            for record in self.saga.records.values()
        ]

    def view(self) -> OrderView:
        """All that is known of the order."""
        return OrderView(
            order_id=self.order.order_id,
            status=self.status,
            amount=self._total.amount,
            currency=self.order.currency,
            steps=self.steps(),
            timeline=self._entries,
            tracking_number=self.tracking_number,
            error=self.saga.error,
            refusal=self.saga.refusal,
            cancel_reason=self.saga.cancel_reason,
            decisions=self.decisions(),
            since=self._since,
        )

    def ended(self, ending: Ending, decision: OrderDecision | None = None) -> OrderResult:
        """The order's result. Ids are given only of what is in effect. `decision` is one that began the run."""
        first = [_entry(_mail_decision(decision), workflow.now())] if decision else []
        self.result = OrderResult(
            order_id=self.order.order_id,
            status=_status(ending),
            **self._live_ids(),
            tracking_number=self.tracking_number if ending.verdict is Verdict.STANDS else None,
            error=ending.error,
            refusal=ending.refusal,
            amount=self._total.amount,
            currency=self.order.currency,
            cancel_reason=self.saga.cancel_reason,
            steps=self.steps(),
            decisions=[*first, *self.decisions()],
        )
        self.publish(workflow.now())
        return self.result

    def decisions(self) -> list[DecisionEntry]:
        """What people have decided."""
        return [_entry(decided.decision, decided.at) for decided in self.saga.decided]

    def publish(self, at: datetime) -> None:
        """Show the order as it is now in the Web UI, and write a status that one would search for.

        It has to be called whenever the saga's records change, with the time at which they did: that is how the
        timeline learns what changed when.
        """
        self._follow(at)
        workflow.set_current_details(self._details())
        if workflow.info().typed_search_attributes.get(CUSTOMER) is None:
            return
        updates = [*self._status_updates(), *self._attention_updates()]
        if updates:
            workflow.upsert_search_attributes(updates)

    @property
    def attention(self) -> Attention | None:
        """Why the order is on the worklist, if it is."""
        if self.saga.needs_attention:
            return Attention.PARKED
        unsent = self.saga.records[CONFIRM.name].state is StepState.GAVE_UP
        return Attention.MAIL_NOT_SENT if self.result is not None and unsent else None

    def _follow(self, at: datetime) -> None:
        changed = [each for each in self.saga.records.values() if each.state is not self._states.get(each.name)]
        for event in self.saga.timeline[len(self._entries) :]:
            entry = TimelineEntry(at=event.at, event=event.event)
            for record in changed:
                entry = entry.model_copy(
                    update={
                        "step": record.name,
                        "state": record.state,
                        "was": self._states.get(record.name),
                        "since": self._since.get(record.name),
                    }
                )
            self._entries.append(entry)
        for record in changed:
            self._states[record.name] = record.state
            if record.state is not StepState.PENDING:
                self._since[record.name] = at

    def _status_updates(self) -> list[SearchAttributeUpdate[Any]]:
        status = self.status
        if status is self._published or (status not in _WORTH_SEARCHING and self._published is None):
            return []
        self._published = status
        return [STATUS.value_set(status)]

    def _attention_updates(self) -> list[SearchAttributeUpdate[Any]]:
        attention = self.attention
        if attention is self._attention:
            return []
        self._attention = attention
        if attention is None:
            return [ATTENTION.value_unset(), AT_RISK.value_unset(), SINCE.value_unset()]
        at_risk = self._total.minor if attention is Attention.PARKED else 0
        return [ATTENTION.value_set(attention), AT_RISK.value_set(at_risk), SINCE.value_set(workflow.now())]

    def _live_ids(self) -> dict[str, str]:
        records = self.saga.records
        return {field: records[name].id for name, field in _ID_FIELDS.items() if records[name].state is StepState.DONE}

    def _details(self) -> str:
        rows = [
            f"| {record.name} | {record.state} | {record.id} | {record.attempts} | {record.last_error or ''} |"
            for record in self.saga.records.values()
        ]
        head = ["| step | state | id | attempts | last error |", "|---|---|---|---|---|"]
        happened = [f"- {entry.at:%H:%M:%S} {entry.event}" for entry in self.saga.timeline]
        return "\n".join([f"**{self.status}** · {self._total}", "", *head, *rows, "", *happened])


def _status(ending: Ending) -> OrderStatus:
    if ending.verdict is Verdict.STANDS:
        return OrderStatus.COMPLETED
    return OrderStatus.CANCELLED if ending.cancelled else OrderStatus.FAILED


def _mail_decision(decision: OrderDecision) -> Decision:
    return Decision(CONFIRM.name, Choice(decision.choice), decision.by, decision.note)


def _entry(decision: Decision, at: datetime) -> DecisionEntry:
    return DecisionEntry(step=decision.step, choice=decision.choice, by=decision.by, note=decision.note, at=at)
