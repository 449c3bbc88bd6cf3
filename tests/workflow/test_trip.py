"""docs/saga.md's example is another saga than the order's, on a real server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Worker

from examples.trip import Agency, Trip, TripWorkflow, trip_activities


@pytest.fixture
async def agency(temporal: Client) -> AsyncIterator[Agency]:
    agency = Agency()
    async with Worker(temporal, task_queue="trips", workflows=[TripWorkflow], activities=trip_activities(agency)):
        yield agency


async def start(temporal: Client, trip: Trip) -> WorkflowHandle[Any, str]:
    return await temporal.start_workflow(TripWorkflow.run, trip, id=f"trip-{trip.trip_id}", task_queue="trips")


async def test_a_trip_is_booked(temporal: Client, agency: Agency, order_id: str) -> None:
    trip = await start(temporal, Trip(order_id, "Ada"))

    assert await trip.result() == "booked"
    assert list(agency.booked) == [f"{prefix}-{order_id}" for prefix in ("flt", "htl", "tkt", "itn")]


async def test_a_full_hotel_undoes_the_flight(temporal: Client, agency: Agency, order_id: str) -> None:
    trip = await start(temporal, Trip(order_id, "Ada", hotel="Full"))

    assert await trip.result() == "not booked: the hotel has no room left"
    assert not agency.booked
    assert agency.undone == {f"flt-{order_id}"}
