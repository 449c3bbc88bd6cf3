"""`ordersaga doctor` on the watcher and the workers: its report if rounds are missing, and who answers."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from datetime import timedelta

import pytest

from ordersaga.cli.doctor import _temporal as doctor_on_temporal
from ordersaga.cli.finding import Finding
from ordersaga.orders.connection import connect
from ordersaga.orders.recovery.watcher import KEPT_ROUNDS, ensure_schedule, schedule_id
from ordersaga.orders.worker import order_worker
from ordersaga.settings import PREFIX, SERVICES, Settings
from ordersaga.stack.dev_server import temporal_server
from tests.workflow.environment import until


@pytest.fixture(scope="module")
def settings(services_url: str) -> Settings:
    """No order is placed here. The watcher asks the services for lost orders and failed emails."""
    return Settings.model_validate({f"{name}_url": f"{services_url}/{name}" for name in SERVICES})


async def findings(address: str, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> dict[str, Finding]:
    monkeypatch.setenv("TEMPORAL_ADDRESS", address)
    return {each.name: each async for each in doctor_on_temporal(settings)}


async def test_rounds_do_not_fill_the_list_and_doctor_knows_how_the_watcher_is(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    async with temporal_server() as address:
        client = await connect(target_host=address)
        assert "none on task queue orders" in (await findings(address, monkeypatch, settings))["watcher"].detail
        async with order_worker(client, settings):
            await ensure_schedule(client, settings.task_queue, timedelta(seconds=1))
            watching = client.get_schedule_handle(schedule_id(settings.task_queue))

            async def has_made_rounds() -> bool:
                return (await watching.describe()).info.num_actions > 2 * KEPT_ROUNDS

            await until(has_made_rounds)

            async def are_few() -> bool:
                rounds = [each.id async for each in client.list_workflows('WorkflowType = "WatcherWorkflow"')]
                return len(rounds) <= KEPT_ROUNDS + 1

            assert (await findings(address, monkeypatch, settings))["watcher"].state == "ok"
            await watching.pause(note="for the test")
            found = (await findings(address, monkeypatch, settings))["watcher"]
            assert (found.state, found.detail) == ("problem", "paused (for the test)")
            await until(are_few, 60)  # the server takes a while to delete
            await watching.unpause()


async def test_doctor_reports_a_task_queue_without_workers(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    async with temporal_server() as address:
        client = await connect(target_host=address)
        await ensure_schedule(client, "before", timedelta(seconds=60))
        await ensure_schedule(client, settings.task_queue, timedelta(seconds=60))

        async def is_told() -> bool:
            found = (await findings(address, monkeypatch, settings))["watcher"]
            return found.detail.startswith("no worker on task queue before, which has a watcher")

        await until(is_told)


async def test_doctor_does_not_call_a_frozen_worker_ok(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    async with temporal_server() as address:
        environment = os.environ | {"TEMPORAL_ADDRESS": address, f"{PREFIX}WATCH_EVERY": "1"}
        environment |= {f"{PREFIX}{name.upper()}_URL": url for name, url in settings.service_urls().items()}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "ordersaga", "worker"),
            env=environment,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:

            async def has_made_a_round() -> bool:
                return (await findings(address, monkeypatch, settings))["watcher"].detail.startswith("last ran")

            await until(has_made_a_round)
            assert (await findings(address, monkeypatch, settings))["worker"].state == "ok"
            process.send_signal(signal.SIGSTOP)
            found = await findings(address, monkeypatch, settings)
        finally:
            process.send_signal(signal.SIGCONT)
            process.terminate()
            await process.wait()
    assert found["worker"].state == "problem"
    assert "none responding" in found["worker"].detail
