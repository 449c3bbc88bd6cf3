"""How a round of the watcher calls its activity: a worker that dies in it is noticed, and the round goes on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio import workflow

from ordersaga.domain.worklist import WatcherRound
from ordersaga.orders.workflows.watch import WatcherWorkflow


async def test_a_rounds_activity_reports_that_it_is_alive_and_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    found = WatcherRound(at=datetime(2026, 1, 1, tzinfo=UTC))
    calls: list[tuple[str, dict[str, Any]]] = []

    async def call(name: str, **options: Any) -> WatcherRound:
        calls.append((name, options))
        return found

    monkeypatch.setattr(workflow, "execute_activity", call)

    assert await WatcherWorkflow().run() == found
    ((name, options),) = calls
    assert (name, options["result_type"]) == ("watch_orders", WatcherRound)
    assert options["heartbeat_timeout"] < timedelta(minutes=1) < options["start_to_close_timeout"]
    assert options["retry_policy"].maximum_attempts == 3
    assert options["summary"], "Temporal's Web UI shows it"
