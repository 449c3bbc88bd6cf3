"""Your first saga: a flight and a hotel, or neither. Chapter 1 of docs/start/course.md.

python examples/course/first_saga.py
"""

# ruff: noqa: T201

from dataclasses import dataclass

from temporalio import activity, workflow
from temporalio.worker import Worker

with workflow.unsafe.imports_passed_through():
    from ordersaga.saga import (
        EffectId,
        Saga,
        SagaContext,
        SagaRun,
        Step,
        UndoOutcome,
        UndoRequest,
        UndoResult,
    )
    from ordersaga.testing.sagas import run_program, temporal_client


@dataclass
class Booking:
    """What is booked, under which id."""

    id: str
    what: str


booked: dict[str, str] = {}


@activity.defn
async def book(booking: Booking) -> str:
    """Book something. Booking the same id twice books once."""
    booked.setdefault(booking.id, booking.what)
    return booked[booking.id]


@activity.defn
async def unbook(undo: UndoRequest) -> UndoResult:
    """Undo a booking, whether or not there is one."""
    there_was_one = booked.pop(undo.id, None) is not None
    return UndoResult(UndoOutcome.UNDONE if there_was_one else UndoOutcome.NOTHING_TO_UNDO)


def flight(traveller: str, effect_id: EffectId) -> Booking:
    """What the flight's do is given."""
    return Booking(effect_id, f"a flight for {traveller}")


def hotel(traveller: str, effect_id: EffectId) -> Booking:
    """What the hotel's do is given."""
    return Booking(effect_id, f"a room for {traveller}")


FLIGHT = Step("flight", request=flight, do=book, undo=unbook)
HOTEL = Step("hotel", request=hotel, do=book, undo=unbook)


async def story(traveller: str, saga: SagaContext[str]) -> None:
    """What happens when nothing goes wrong."""
    await saga.do(FLIGHT)
    await saga.do(HOTEL)


FIRST_SAGA = Saga("first", story, FLIGHT, HOTEL)


@workflow.defn
class FirstWorkflow:
    """Books both, or neither."""

    @workflow.run
    async def run(self, traveller: str) -> str:
        """Run the saga, and say how it ended."""
        outcome = await SagaRun(FIRST_SAGA, traveller, key=traveller).run()
        return outcome.verdict


async def main() -> None:
    """Start a server and a worker, and book for Ada."""
    async with (
        temporal_client() as temporal,
        Worker(temporal, task_queue="first", workflows=[FirstWorkflow], activities=[book, unbook]),
    ):
        print(await temporal.execute_workflow(FirstWorkflow.run, "ada", id="first-ada", task_queue="first"))
        print(booked)


if __name__ == "__main__":
    run_program(main())
