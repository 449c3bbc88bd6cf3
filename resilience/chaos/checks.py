"""Checks what each caller was answered against how the order ended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ordersaga.domain.result import CancelAnswer, CancelOutcome, OrderResult, OrderStatus, PlacedOrder
from ordersaga.domain.worklist import Attention
from ordersaga.stack.faults import Kind
from resilience.chaos.plan import PlannedOrder


@dataclass
class OrderRecord:
    """Everything that happened to an order, as its callers saw it. Times are seconds from the campaign's start."""

    planned: PlannedOrder
    begun: bool = False
    """Whether anybody began to place it before the faults stopped."""
    placed_at: float | None = None
    ended_at: float | None = None
    placed: list[PlacedOrder] = field(default_factory=list)
    results: list[OrderResult] = field(default_factory=list)
    """Its result, once for each caller that asked for it."""
    answers: list[CancelAnswer] = field(default_factory=list)
    other_content_taken: int = 0
    """How often an order with other content was accepted under its id."""
    waits_as: Attention | None = None
    """Why it was on the worklist at the end, if it had not ended by then."""
    unexpected_errors: list[str] = field(default_factory=list)
    """Errors that no caller should get."""

    @property
    def order_id(self) -> str:
        """The order's id."""
        return self.planned.order.order_id

    @property
    def end(self) -> str:
        """How it ended, or its state if it has not."""
        if self.results:
            return self.results[0].status
        return "on the worklist" if self.waits_as else "open"


@dataclass(frozen=True)
class Finding:
    """Something that is wrong."""

    detail: str
    order_id: str | None = None


def check_order(record: OrderRecord) -> list[Finding]:
    """What is wrong with the answers about an order and with its end."""
    wrong = [*record.unexpected_errors, *_placing(record)]
    if not record.results:
        wrong += _not_ended(record)
    else:
        wrong += [*_results(record), *_cancels(record), *_causes(record, record.results[0])]
    return [Finding(detail, record.order_id) for detail in wrong]


def _placing(record: OrderRecord) -> Iterator[str]:
    runs = {placed.run_id for placed in record.placed}
    if len(runs) > 1 and not record.planned.terminated:
        yield f"it was placed {len(record.placed)} times and had {len(runs)} runs: {', '.join(sorted(runs))}"
    if sum(placed.created for placed in record.placed) > 1:
        yield "it was created more than once"
    if record.other_content_taken:
        yield "an order with other content was accepted under its id"


def _not_ended(record: OrderRecord) -> Iterator[str]:
    if record.waits_as is Attention.CUT_OFF:
        yield "its run was terminated, but not recovered"
    elif record.waits_as is None:
        yield "it has not ended and is not on the worklist"


def _results(record: OrderRecord) -> Iterator[str]:
    first, *others = record.results
    if any(_comparable(other) != _comparable(first) for other in others):
        answers = ", ".join(result.status for result in record.results)
        yield f"its results differ between callers ({answers})"
    if not first.status.is_end:
        yield f"it has a result with the status {first.status}"
    if first.status is OrderStatus.FAILED and not first.error:
        yield "it failed without a reason"


def _comparable(result: OrderResult) -> dict[str, object]:
    """The fields that must be the same for every caller.

    Without a worker, a run cancelled through Temporal has no details.
    """
    return result.model_dump(exclude={"steps", "decisions", "amount", "currency", "cancel_reason"})


def _cancels(record: OrderRecord) -> Iterator[str]:
    final = record.results[0].status
    for answer in record.answers:
        if final not in _allowed_ends(answer, record.planned.terminated):
            yield f"its cancel was answered {answer.outcome} ({answer.status}), but it ended {final}"


def _allowed_ends(answer: CancelAnswer, terminated: bool) -> set[OrderStatus]:
    """The ends that are allowed after this answer to a cancel."""
    if answer.outcome is CancelOutcome.TOO_LATE:
        return {answer.status if answer.status.is_end else OrderStatus.COMPLETED}
    # The recovery of a terminated run does not know that a cancel was requested.
    return {OrderStatus.CANCELLED, OrderStatus.FAILED} if terminated else {OrderStatus.CANCELLED}


def _causes(record: OrderRecord, result: OrderResult) -> Iterator[str]:
    planned = record.planned
    if planned.refusal_cause is not None and result.status is OrderStatus.COMPLETED:
        yield f"it is {planned.refusal_cause}, but completed"
    if result.status is OrderStatus.CANCELLED and not planned.cancelled_by_somebody:
        yield "it is cancelled, but nobody requested that"
    refused = planned.refusal_cause is not None or any(fault.kind is Kind.REFUSE for fault in planned.faults)
    if result.refusal is not None and not refused:
        yield f"it was refused ({result.refusal}), but there was no reason for it"
