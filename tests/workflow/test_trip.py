"""docs/start/course.md's example: a saga other than the order's, on a real server, as a program that reports."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Worker

from examples.trip import SCENARIOS, Agency, Trip, TripWorkflow, worker_of
from ordersaga.saga import SagaClient, Verdict

PROGRAM = Path(__file__).parents[2] / "examples" / "trip.py"


@pytest.fixture
async def agency(temporal: Client) -> AsyncIterator[Agency]:
    agency = Agency()
    worker: Worker = worker_of(temporal, agency)
    async with worker:
        yield agency


async def start(temporal: Client, trip: Trip) -> WorkflowHandle[TripWorkflow, str]:
    return await temporal.start_workflow(TripWorkflow.run, trip, id=f"trip-{trip.trip_id}", task_queue="trips")


async def test_a_trip_is_booked(temporal: Client, agency: Agency, order_id: str) -> None:
    trip = await start(temporal, Trip(order_id, "Ada"))

    assert await trip.result() == "booked"
    assert agency.booked == [f"{prefix}-{order_id}" for prefix in ("flt", "htl", "tkt", "itn")]


async def test_the_itinerary_contains_the_ticket_number(temporal: Client, agency: Agency, order_id: str) -> None:
    trip = await start(temporal, Trip(order_id, "Ada"))
    await trip.result()

    received = [line async for line in trip.fetch_history_events() if "about ticket no." in str(line)]
    assert received


async def test_a_full_hotel_undoes_the_flight(temporal: Client, agency: Agency, order_id: str) -> None:
    trip = await start(temporal, Trip(order_id, "Ada", hotel="Plaza"))

    assert await trip.result() == "not booked: the Plaza is full"
    assert agency.booked == []
    assert f"unbook flt-{order_id}" in agency.calls
    assert f"unbook tkt-{order_id}" not in agency.calls, "a refusal is a no, so that nothing came after it"


async def test_a_trip_on_hold_can_be_cancelled(temporal: Client, agency: Agency, order_id: str) -> None:
    trip = await start(temporal, Trip(order_id, "Ada", hold=300))

    assert await SagaClient(temporal, trip.id).cancel("no more") is Verdict.UNDONE
    assert await trip.result() == "cancelled"
    assert agency.booked == []


def run(*names: str, address: str = "") -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TEMPORAL_")}
    if address:
        environment["TEMPORAL_ADDRESS"] = address
    return subprocess.run(
        [sys.executable, PROGRAM, *names], check=False, capture_output=True, text=True, env=environment, timeout=120
    )


def test_the_program_runs_every_scenario_on_a_server_of_its_own() -> None:
    done = run()

    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    ends = [line.strip() for line in done.stdout.splitlines() if "Ended:" in line]
    assert ends == [
        "Ended: booked. In effect at the agency: flt-T1, htl-T1, tkt-T1, itn-T1.",
        "Ended: not booked: the Plaza is full. In effect at the agency: nothing.",
        "Ended: booked. In effect at the agency: flt-T3, htl-T3, tkt-T3, itn-T3.",
        "Ended: cancelled. In effect at the agency: nothing.",
        "Ended: booked. In effect at the agency: flt-T5, htl-T5, tkt-T5, itn-T5.",
        "Ended: not booked: Eve's card is declined. In effect at the agency: nothing.",
    ]
    assert "done by hand, says Grace: cancelled by phone, no. 8812" in done.stdout
    assert "The flight was asked for 1 time, the room 2 times, and each is booked once." in done.stdout


def test_the_program_uses_the_server_that_is_named(temporal: Client) -> None:
    done = run("booked", address=temporal.service_client.config.target_host)

    assert done.returncode == 0, done.stderr
    assert "Ended: booked" in done.stdout


def test_a_scenario_that_is_not_there_is_named() -> None:
    done = run("strike")

    assert done.returncode == 1
    assert f"There is no scenario strike. There are: {', '.join(SCENARIOS)}." in done.stderr
