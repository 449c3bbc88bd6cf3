"""A trip as a saga: book a flight and a hotel, issue the ticket, mail the itinerary. docs/saga.md walks through it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio import activity, workflow

with workflow.unsafe.imports_passed_through():
    from ordersaga.saga import (
        FENCED,
        Kind,
        Policy,
        Saga,
        SagaRun,
        Step,
        Steps,
        Undo,
        Undone,
        UndoOutcome,
        Verdict,
        first_attempts,
        refusal,
    )


@dataclass(frozen=True)
class Trip:
    """A trip that somebody wants to make."""

    trip_id: str
    traveller: str
    hotel: str = "Grand"


@dataclass(frozen=True)
class Booking:
    """What an agency books: the caller chooses the id, so asking twice books once."""

    id: str
    what: str


class Agency:
    """The outside world of this example. A real one keeps this table in its database, beside its business rows."""

    def __init__(self) -> None:
        self.booked: dict[str, str] = {}
        self.undone: set[str] = set()
        self.departed: set[str] = set()

    @activity.defn
    async def book(self, booking: Booking) -> str:
        """Book something, once. Refuses a hotel that is full, and what has been undone before."""
        if booking.id in self.undone:
            raise refusal(f"{booking.id} has been undone", FENCED)
        if booking.what == "hotel Full":
            raise refusal("the hotel has no room left", "NoRoom")
        return self.booked.setdefault(booking.id, booking.what)

    @activity.defn
    async def unbook(self, undo: Undo) -> Undone:
        """Undo a booking, whether or not there is one. Too late once the traveller has departed."""
        if undo.id in self.departed:
            return Undone(UndoOutcome.TOO_LATE)
        self.undone.add(undo.id)
        booked = self.booked.pop(undo.id, None)
        return Undone(UndoOutcome.UNDONE if booked else UndoOutcome.NOTHING_TO_UNDO)


FLIGHT = Step[Booking, str]("flight", prefix="flt", do=Agency.book, undo=Agency.unbook)
HOTEL = Step[Booking, str]("hotel", prefix="htl", do=Agency.book, undo=Agency.unbook)
TICKET = Step[Booking, str]("ticket", prefix="tkt", do=Agency.book, undo=Agency.unbook, kind=Kind.PIVOT)
ITINERARY = Step[Booking, str]("itinerary", prefix="itn", do=Agency.book, kind=Kind.RETRIABLE)


async def trip_story(trip: Trip, saga: Steps) -> None:
    """What happens when nothing goes wrong."""
    await saga.do(FLIGHT, Booking(f"flt-{trip.trip_id}", "flight"))
    await saga.do(HOTEL, Booking(f"htl-{trip.trip_id}", f"hotel {trip.hotel}"))
    await saga.do(TICKET, Booking(f"tkt-{trip.trip_id}", "ticket"))
    await saga.attempt(ITINERARY, Booking(f"itn-{trip.trip_id}", f"mail to {trip.traveller}"))


TRIP_SAGA = Saga("trip", trip_story, FLIGHT, HOTEL, TICKET, ITINERARY)


def trip_activities(agency: Agency) -> list[Callable[..., Any]]:
    """What a worker of trips needs: each step's activities, and the one that makes first attempts."""
    of_steps: list[Callable[..., Any]] = [agency.book, agency.unbook]
    return [*of_steps, first_attempts(TRIP_SAGA, of_steps)]


@workflow.defn
class TripWorkflow:
    """Books a whole trip, or nothing of it."""

    @workflow.init
    def __init__(self, trip: Trip) -> None:
        self.trip = trip
        self.saga = SagaRun(TRIP_SAGA, trip, trip.trip_id, Policy(step_deadline=timedelta(minutes=5)))

    @workflow.run
    async def run(self, trip: Trip) -> str:
        """Tell the story to its end, and say which."""
        ending = await self.saga.run()
        await workflow.wait_condition(workflow.all_handlers_finished)
        if ending.verdict is Verdict.STANDS:
            return "booked"
        return "cancelled" if ending.cancelled else f"not booked: {ending.error}"

    @workflow.update
    async def cancel(self, reason: str) -> bool:
        """Cancel the trip. Answers, once that is certain, whether it is cancelled."""
        self.saga.cancel(reason)
        return await self.saga.settled() is Verdict.UNDONE
