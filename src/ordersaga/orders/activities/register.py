"""The order's activities on the register: claim the order, announce its direction, and write how it ended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from temporalio import activity

from ordersaga.contracts import register as wire
from ordersaga.domain.errors import NotFound, ServiceFault
from ordersaga.domain.order import OrderInput, UnreadOrder
from ordersaga.domain.result import Answer
from ordersaga.orders.activities.calling import attempt, map_service_errors, time_for_call
from ordersaga.orders.service_clients import RegisterClient
from ordersaga.saga import UNCLAIMED, Choice, DecisionNotice, KeptDecision, Notice, RegisterState, Standing, refusal

AHEAD = "/ahead"
"""The suffix of a run id in events that the fast path reported. The run may have lost them and report others."""

_STATES = {
    wire.EndingState.OPEN: RegisterState.OPEN,
    wire.EndingState.UNWINDING: RegisterState.UNWINDING,
    wire.EndingState.FORWARD: RegisterState.FORWARD,
    wire.EndingState.COMPLETED: RegisterState.STANDS,
    wire.EndingState.UNDONE: RegisterState.UNDONE,
}


class OrderEnding(Answer):
    """How an order has ended, for the register. The activity fills in `run_id`."""

    order_id: str
    ahead: bool = False
    ending: wire.EndingRequest


class OrderProgress(Answer):
    """The state of a running order, for the register."""

    order_id: str
    progress: wire.ProgressRequest


def claim_of(order: OrderInput, task_queue: str) -> wire.ClaimRequest:
    """Build the claim for an order."""
    return wire.ClaimRequest(
        owner=order.fingerprint,
        customer_id=order.customer_id,
        email=order.email,
        amount=order.total.amount,
        currency=order.currency,
        task_queue=task_queue,
        order=order.model_dump(mode="json", exclude_none=True),
    )


class RegisterActivities:
    """Call the register. Each call may be repeated."""

    def __init__(self, client: RegisterClient) -> None:
        self._client = client

    @activity.defn
    async def accept_order(self, order: OrderInput) -> Standing:
        """Claim the order, once for all its runs."""
        if isinstance(order, UnreadOrder):
            raise ServiceFault(f"This version of the worker cannot read the order: {order.problem}")
        with map_service_errors():
            claim = claim_of(order, activity.info().task_queue)
            return _standing(await self._client.claim(order.order_id, claim, time_for_call()))

    @activity.defn
    async def announce_unwind(self, notice: Notice) -> Standing:
        """Announce that the order will be undone, before anything is undone."""
        request = wire.UnwindRequest(owner=notice.owner, reason=notice.reason)
        with _map_unknown_order():
            return _standing(await self._client.unwind(notice.key, request, time_for_call()))

    @activity.defn
    async def announce_forward(self, notice: Notice) -> Standing:
        """Announce that the order can only go forward."""
        with _map_unknown_order():
            request = wire.ForwardRequest(owner=notice.owner)
            return _standing(await self._client.forward(notice.key, request, time_for_call()))

    @activity.defn
    async def close_order(self, ended: OrderEnding) -> Standing:
        """Write how the order has ended, unless that is already written."""
        run_id = f"{activity.info().workflow_run_id}{AHEAD if ended.ahead else ''}"
        request = ended.ending.model_copy(update={"run_id": run_id})
        with _map_unknown_order():
            standing = await self._client.close(ended.order_id, request, time_for_call())
        return _standing(standing, request.result)

    @activity.defn
    async def record_decision(self, notice: DecisionNotice) -> Standing:
        """Store a person's decision."""
        decision = notice.decision
        request = wire.DecisionRequest(
            owner=notice.owner,
            decision_id=notice.id,
            step=decision.step,
            undoing=decision.undoing,
            choice=decision.choice,
            by=decision.by,
            note=decision.note,
            at=decision.at,
            run_id=activity.info().workflow_run_id,
        )
        with _map_unknown_order():
            return _standing(await self._client.decide(notice.key, request, time_for_call()))

    @activity.defn
    async def record_progress(self, progress: OrderProgress) -> None:
        """Report the order's state."""
        request = progress.progress.model_copy(update={"run_id": activity.info().workflow_run_id})
        with map_service_errors():
            await self._client.progress(progress.order_id, request, time_for_call())


@contextmanager
def _map_unknown_order() -> Iterator[None]:
    """Map an unknown order to UNCLAIMED: the register may have been restored, so the order must be claimed again."""
    try:
        with map_service_errors():
            yield
    except NotFound as unknown:
        raise refusal(str(unknown), UNCLAIMED) from None


def _standing(found: wire.Standing, written: dict[str, Any] | None = None) -> Standing:
    """Convert the register's answer to the engine's type.

    Include the end only if it differs from the one just written.
    """
    ending = None if found.ending is None or found.ending.result == written else found.ending.result
    decisions = [
        KeptDecision(each.step, Choice(each.choice), each.by, each.at, each.note, each.undoing)
        for each in found.decisions
        if each.choice in list(Choice)
    ]
    return Standing(_STATES[found.state], decisions, ending, attempt())
