"""How you test a saga of yours. Chapter 9 of docs/start/course.md.

python -m pytest examples/course/test_trip.py
"""

from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client
from temporalio.worker import Worker

from examples.trip import HOTEL, TRIP_SAGA, Trip, TripWorkflow
from ordersaga.testing.sagas import Case, Do, World, cases_of, run_case, temporal_client


@pytest.fixture(scope="session")
async def temporal() -> AsyncIterator[Client]:
    """One server for all tests."""
    async with temporal_client() as client:
        yield client


async def test_a_lost_answer_books_one_room(temporal: Client) -> None:
    """One story that you think of yourself."""
    world = World(TRIP_SAGA)
    world.given(HOTEL, do=[Do.LOST, Do.OK])
    async with Worker(temporal, task_queue="test", workflows=[TripWorkflow], activities=world.activities()):
        ended = await temporal.execute_workflow(TripWorkflow.run, Trip("T1", "Ada"), id="test-T1", task_queue="test")

    assert ended == "booked"
    assert world.count("do", HOTEL) == 2
    assert world.live == ["flt-T1", "htl-T1", "tkt-T1", "itn-T1"]


@pytest.mark.parametrize("case", cases_of(TRIP_SAGA)[::40], ids=str)
async def test_all_or_nothing(temporal: Client, case: Case) -> None:
    """And every 40th case that you do not think of. Leave `[::40]` out to run them all."""
    result = await run_case(temporal, TRIP_SAGA, Trip("T1", "Ada"), case)
    assert not result.problems, result
