"""The message about a decision that arrives after the end of its order or gets no answer. From make chaos SEED=2026."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.service import RPCError, RPCStatusCode

from ordersaga.domain.errors import DecisionRefused, OrdersagaError, TemporalUnavailable, WorkerUnavailable
from ordersaga.domain.worklist import OrderDecision
from ordersaga.orders.client import OrderClient


class Parked:
    """The run of a parked order whose updates fail."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def describe(self) -> Any:
        """It runs."""
        return SimpleNamespace(status=WorkflowExecutionStatus.RUNNING)

    async def execute_update(self, *_: object, **__: str) -> Any:
        """Fail."""
        raise self._error


@pytest.mark.parametrize(
    ("error", "raised", "message"),
    [
        (RPCError("closed", RPCStatusCode.NOT_FOUND, b""), DecisionRefused, "ended before the decision reached it"),
        (WorkflowUpdateRPCTimeoutOrCancelledError(), WorkerUnavailable, "may or may not have been accepted"),
        (RPCError("reset", RPCStatusCode.UNAVAILABLE, b""), TemporalUnavailable, "stopped answering"),
    ],
    ids=["ended", "no-answer", "no-server"],
)
async def test_an_unanswered_decision_reports_what_is_known(
    monkeypatch: pytest.MonkeyPatch, error: Exception, raised: type[OrdersagaError], message: str
) -> None:
    orders = OrderClient(cast("Client", None))

    async def current(_: str) -> Any:
        return Parked(error)

    monkeypatch.setattr(orders._runs, "current", current)
    with pytest.raises(raised, match=message):
        await orders.resolve("o1", OrderDecision(choice="retry", by="Ada"))
