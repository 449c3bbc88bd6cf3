"""The plain layer: no declaration, and you call the activities yourself. Chapter 8 of docs/start/course.md.

python examples/course/plain.py
"""

# ruff: noqa: T201

from datetime import timedelta

from temporalio import activity, workflow
from temporalio.exceptions import ActivityError
from temporalio.worker import Worker

with workflow.unsafe.imports_passed_through():
    from ordersaga.saga import Compensations, refusal
    from ordersaga.testing.sagas import run_program, temporal_client

booked: list[str] = []


@activity.defn
async def book(booking_id: str) -> None:
    """Book something, but no hotel: there is none."""
    if booking_id.startswith("hotel"):
        raise refusal("there is no hotel", "NoHotel")
    booked.append(booking_id)


@activity.defn
async def cancel_booking(booking_id: str) -> None:
    """Cancel a booking, whether or not there is one."""
    if booking_id in booked:
        booked.remove(booking_id)


@workflow.defn
class PlainTrip:
    """Books a flight and a hotel, or neither."""

    @workflow.run
    async def run(self, trip: str) -> str:
        """Call, and compensate what was called."""
        saga = Compensations()
        try:
            saga.add_compensation(cancel_booking, f"flight-{trip}")
            await workflow.execute_activity(book, f"flight-{trip}", start_to_close_timeout=timedelta(seconds=10))
            saga.add_compensation(cancel_booking, f"hotel-{trip}")
            await workflow.execute_activity(book, f"hotel-{trip}", start_to_close_timeout=timedelta(seconds=10))
        except ActivityError as error:
            await saga.compensate()
            return f"undone: {error.cause}"
        return "booked"


async def main() -> None:
    """Ask for a trip to where there is no hotel."""
    async with (
        temporal_client() as temporal,
        Worker(temporal, task_queue="plain", workflows=[PlainTrip], activities=[book, cancel_booking]),
    ):
        print(await temporal.execute_workflow(PlainTrip.run, "T1", id="plain-T1", task_queue="plain"))
        print(f"in effect: {booked or 'nothing'}")


if __name__ == "__main__":
    run_program(main())
