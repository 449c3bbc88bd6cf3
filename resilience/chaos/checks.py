"""Was every answer right? What each caller was told, held against how the order ended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ordersaga.domain.result import CancelAnswer, CancelOutcome, OrderResult, OrderStatus, PlacedOrder
from ordersaga.domain.worklist import Attention
from ordersaga.stack.faults import Kind
from resilience.chaos.plan import PlannedOrder


@dataclass
class OrderRecord:
    """What became of an order, as those saw it who had to do with it. Times are seconds from the campaign's start."""

    planned: PlannedOrder
    begun: bool = False
    """Whether anybody began to place it before the healing."""
    placed_at: float | None = None
    ended_at: float | None = None
    placed: list[PlacedOrder] = field(default_factory=list)
    results: list[OrderResult] = field(default_factory=list)
    """Its result, once for each that asked for it."""
    answers: list[CancelAnswer] = field(default_factory=list)
    other_content_taken: int = 0
    """How often an order with other content was taken on under its id."""
    waits_as: Attention | None = None
    """Why it was on the worklist at the end, if it had not ended by then."""
    surprises: list[str] = field(default_factory=list)
    """Errors that nobody may meet."""

    @property
    def order_id(self) -> str:
        """The order's id."""
        return self.planned.order.order_id

    @property
    def end(self) -> str:
        """How it ended, or what became of it otherwise."""
        if self.results:
            return self.results[0].status
        return "on the worklist" if self.waits_as else "open"


@dataclass(frozen=True)
class Finding:
    """Something that must not be."""

    detail: str
    order_id: str | None = None


def check_order(record: OrderRecord) -> list[Finding]:
    """What is wrong with what was said about an order, and with how it ended."""
    wrong = [*record.surprises, *_placing(record)]
    if not record.results:
        wrong += _not_ended(record)
    else:
        wrong += [*_results(record), *_cancels(record), *_causes(record, record.results[0])]
    return [Finding(detail, record.order_id) for detail in wrong]


def _placing(record: OrderRecord) -> Iterator[str]:
    runs = {placed.run_id for placed in record.placed}
    if len(runs) > 1 and not record.planned.terminated:
        yield f"it was placed {len(record.placed)} times and started {len(runs)} runs: {', '.join(sorted(runs))}"
    if sum(placed.created for placed in record.placed) > 1:
        yield "it was created more than once"
    if record.other_content_taken:
        yield "an order with other content was taken on under its id"


def _not_ended(record: OrderRecord) -> Iterator[str]:
    if record.waits_as is Attention.CUT_OFF:
        yield "its run was terminated, and nobody has recovered it"
    elif record.waits_as is None:
        yield "it has neither ended nor is on the worklist"


def _results(record: OrderRecord) -> Iterator[str]:
    first, *others = record.results
    if any(_gist(other) != _gist(first) for other in others):
        told = ", ".join(result.status for result in record.results)
        yield f"its results differ, depending on who asks ({told})"
    if not first.status.is_end:
        yield f"it has a result, and is {first.status} by that"
    if first.status is OrderStatus.FAILED and not first.error:
        yield "it failed, and does not say why"


def _gist(result: OrderResult) -> dict[str, object]:
    """What must be the same whoever asks. Asked without a worker, a run cancelled through Temporal tells no details."""
    return result.model_dump(exclude={"steps", "decisions", "amount", "currency", "cancel_reason"})


def _cancels(record: OrderRecord) -> Iterator[str]:
    final = record.results[0].status
    for answer in record.answers:
        if final not in _promised(answer, record.planned.terminated):
            yield f"its cancel was answered {answer.outcome} ({answer.status}), and it ended {final}"


def _promised(answer: CancelAnswer, terminated: bool) -> set[OrderStatus]:
    """How an order may end whose cancel was answered so."""
    if answer.outcome is CancelOutcome.TOO_LATE:
        return {answer.status if answer.status.is_end else OrderStatus.COMPLETED}
    # What recovers a run that was terminated does not know that it had been cancelled.
    return {OrderStatus.CANCELLED, OrderStatus.FAILED} if terminated else {OrderStatus.CANCELLED}


def _causes(record: OrderRecord, result: OrderResult) -> Iterator[str]:
    planned = record.planned
    if planned.refusal_cause is not None and result.status is OrderStatus.COMPLETED:
        yield f"it is {planned.refusal_cause}, and completed"
    if result.status is OrderStatus.CANCELLED and not planned.cancelled_by_somebody:
        yield "it is cancelled, and nobody asked for that"
    refused = planned.refusal_cause is not None or any(fault.kind is Kind.REFUSE for fault in planned.faults)
    if result.refusal is not None and not refused:
        yield f"it was refused ({result.refusal}), and there was no reason for that"
