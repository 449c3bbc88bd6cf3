"""An order's status, view and result, and what Temporal's Web UI and search show of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributeUpdate

from ordersaga.domain.order import OrderInput
from ordersaga.domain.result import (
    DecisionEntry,
    OrderResult,
    OrderStatus,
    OrderView,
    StepStatus,
    TimelineEntry,
)
from ordersaga.domain.timeline_text import describe
from ordersaga.domain.worklist import Attention
from ordersaga.orders.workflows.at_risk import money_at_risk
from ordersaga.orders.workflows.register import decision_entry, is_unsent, order_result, status_of, step_outcome
from ordersaga.orders.workflows.steps import SHIP
from ordersaga.orders.workflows.timeline import entry_of
from ordersaga.saga import Outcome, Phase, SagaEvent, SagaRun

STATUS = SearchAttributeKey.for_keyword("OrderStatus")
CUSTOMER = SearchAttributeKey.for_keyword("OrderCustomer")
ATTENTION = SearchAttributeKey.for_keyword("OrderAttention")
AT_RISK = SearchAttributeKey.for_int("OrderAmountAtRisk")
"""In minor units of the order's currency."""
SINCE = SearchAttributeKey.for_datetime("OrderAttentionSince")
SEARCH_ATTRIBUTES = (STATUS, CUSTOMER, ATTENTION, AT_RISK, SINCE)

_WORTH_SEARCHING = (OrderStatus.NEEDS_ATTENTION, OrderStatus.FAILED, OrderStatus.CANCELLED)
"""The statuses that are written to search attributes. Other orders are running or completed, which Temporal knows."""


class OrderProjection:
    """Follows the saga's events. It makes no decisions."""

    def __init__(self, order: OrderInput, saga: SagaRun[OrderInput]) -> None:
        self.order = order
        self.saga = saga
        self.result: OrderResult | None = None
        self._total = order.total
        self._status: OrderStatus | None = None
        self._attention: Attention | None = None
        self._entries: list[TimelineEntry] = []
        self._sync: asyncio.Handle | None = None

    @property
    def tracking_number(self) -> str | None:
        """The parcel's tracking number, once its shipment is booked."""
        booked = self.saga.answer(SHIP)
        return booked.tracking_number if booked else None

    @property
    def status(self) -> OrderStatus:
        """The order's status."""
        if self.result is not None:
            return self.result.status
        if self.saga.outcome is not None:
            return status_of(self.saga.outcome)
        if self.saga.needs_attention:
            return OrderStatus.NEEDS_ATTENTION
        if self.saga.phase is Phase.UNWINDING:
            return OrderStatus.COMPENSATING
        return OrderStatus.PROCESSING if self.saga.begun else OrderStatus.PENDING

    def steps(self) -> list[StepStatus]:
        """The state of each step."""
        return [
            StepStatus(
                **step_outcome(record).model_dump(),
                undoing=record.undoing,
                next_try=record.next_try,
                choices=list(self.saga.decisions.choices(record.name)),
            )
            for record in self.saga.records.values()
        ]

    def view(self) -> OrderView:
        """Everything known about the order."""
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
            since={record.name: record.since for record in self.saga.records.values() if record.since is not None},
        )

    def finish(self, outcome: Outcome, first: Sequence[DecisionEntry] = ()) -> OrderResult:
        """The order's result. `first` are decisions that started the run.

        If the register has an earlier end, that counts, whatever this run came to.
        """
        if outcome.ending is not None:
            self.result = OrderResult.model_validate(outcome.ending)
        else:
            result = order_result(self.order, self.saga.ending(outcome))
            self.result = result.model_copy(update={"decisions": [*first, *result.decisions]})
        self._sync_now()
        return self.result

    def decisions(self) -> list[DecisionEntry]:
        """The decisions of people."""
        return [decision_entry(decided) for decided in self.saga.decided]

    def sync(self, event: SagaEvent) -> None:
        """Add an event to the timeline, and update what Temporal shows and finds.

        Events come in bursts, so one update follows all events of a burst.
        """
        entry = entry_of(event)
        if entry is not None:
            self._entries.append(entry)
        if self._sync is None:
            self._sync = asyncio.get_running_loop().call_soon(self._sync_now)

    def _sync_now(self) -> None:
        if self._sync is not None:
            self._sync.cancel()
            self._sync = None
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
        unsent = is_unsent(list(self.saga.records.values()))
        return Attention.MAIL_NOT_SENT if self.saga.outcome is not None and unsent else None

    def _status_updates(self) -> list[SearchAttributeUpdate[Any]]:
        status = self.status
        if status is self._status or (status not in _WORTH_SEARCHING and self._status is None):
            return []
        self._status = status
        return [STATUS.value_set(status)]

    def _attention_updates(self) -> list[SearchAttributeUpdate[Any]]:
        attention = self.attention
        if attention is self._attention:
            return []
        self._attention = attention
        if attention is None:
            return [ATTENTION.value_unset(), AT_RISK.value_unset(), SINCE.value_unset()]
        at_risk = money_at_risk(self.order, self.saga).minor if attention is Attention.PARKED else 0
        return [ATTENTION.value_set(attention), AT_RISK.value_set(at_risk), SINCE.value_set(workflow.now())]

    def _details(self) -> str:
        rows = [
            f"| {record.name} | {record.state} | {record.id} | {record.attempts} | {record.last_error or ''} |"
            for record in self.saga.records.values()
        ]
        head = ["| step | state | id | attempts | last error |", "|---|---|---|---|---|"]
        happened = [f"- {entry.at:%H:%M:%S} {describe(entry)}" for entry in self._entries]
        return "\n".join([f"**{self.status}** · {self._total}", "", *head, *rows, "", *happened])
