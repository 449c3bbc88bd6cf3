"""A trip as a saga: a flight, a hotel, a ticket, an itinerary. Booked as a whole, or not at all.

    python examples/trip.py              every scenario: what was asked, what the saga did, how it ended
    python examples/trip.py parked       one scenario: booked, full, fault, cancel, crash or parked

docs/start/course.md walks through it. It needs no server: it starts one, unless TEMPORAL_ADDRESS names one.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.worker import Worker

with workflow.unsafe.imports_passed_through():
    from rich.console import Console

    from ordersaga.saga import (
        FENCED,
        Choice,
        EffectId,
        Kind,
        Policy,
        Saga,
        SagaClient,
        SagaContext,
        SagaHandlers,
        SagaRun,
        Step,
        StepState,
        StepView,
        UndoOutcome,
        UndoRequest,
        UndoResult,
        Verdict,
        refusal,
    )
    from ordersaga.testing.sagas import Line, run_program, temporal_client, transcript

# -- the outside world


@dataclass(frozen=True)
class Booking:
    """What the agency is asked: to book something under an id that the caller has chosen."""

    id: str
    what: str


@dataclass(frozen=True)
class Booked:
    """What the agency answers: its own number for the booking. `attempts` tells how often it was asked."""

    number: str
    attempts: int = 1


@dataclass
class Row:
    """What the agency remembers under an id, for ever. A real one keeps this row in its database."""

    state: str
    answer: str = ""


@dataclass
class Agency:
    """Books flights, hotels, tickets and mails. `down` and `hanging` are the calls that meet trouble: `book htl-T1`."""

    fence: dict[str, Row] = field(default_factory=dict)
    down: set[str] = field(default_factory=set)
    hanging: set[str] = field(default_factory=set)
    hangs: asyncio.Event = field(default_factory=asyncio.Event)
    calls: list[str] = field(default_factory=list)

    @activity.defn
    async def book(self, booking: Booking) -> Booked:
        """Book something once, and answer the same however often it is asked."""
        self._called(f"book {booking.id}")
        row = self.fence.setdefault(booking.id, _decide(booking))
        if row.state == "undone":
            raise refusal(f"{booking.id} has been undone", FENCED)
        if row.state == "refused":
            raise refusal(row.answer, "NotAvailable")
        await self._hang(f"book {booking.id}")
        return Booked(row.answer, activity.info().attempt)

    @activity.defn
    async def unbook(self, undo: UndoRequest) -> UndoResult:
        """Undo a booking, known or not. What comes late finds the row, and is turned away."""
        self._called(f"unbook {undo.id}")
        row = self.fence.setdefault(undo.id, Row("nothing"))
        was, row.state = row.state, "undone"
        outcome = UndoOutcome.NOTHING_TO_UNDO if was in ("nothing", "refused") else UndoOutcome.UNDONE
        return UndoResult(outcome, activity.info().attempt)

    @property
    def booked(self) -> list[str]:
        """The ids of what is in effect."""
        return [effect_id for effect_id, row in self.fence.items() if row.state == "booked"]

    def _called(self, call: str) -> None:
        self.calls.append(call)
        if call in self.down:
            raise ConnectionError("the agency does not answer")

    async def _hang(self, call: str) -> None:
        if call in self.hanging:
            self.hanging.remove(call)
            self.hangs.set()
            await asyncio.Event().wait()  # until the worker stops


def _decide(booking: Booking) -> Row:
    refusals = {"room at the Plaza": "the Plaza is full", "ticket for Eve": "Eve's card is declined"}
    if booking.what in refusals:
        return Row("refused", refusals[booking.what])
    return Row("booked", f"no. {sum(map(ord, booking.id))}")


# -- the saga


@dataclass(frozen=True)
class Trip:
    """A trip that somebody wants to make. `hold` is for how many seconds they may still change their mind."""

    trip_id: str
    traveller: str
    hotel: str = "Grand"
    hold: float = 0


def flight(trip: Trip, effect_id: EffectId) -> Booking:
    """What the agency is asked for first."""
    return Booking(effect_id, f"flight for {trip.traveller}")


def room(trip: Trip, effect_id: EffectId) -> Booking:
    """A room at the hotel that the traveller has chosen."""
    return Booking(effect_id, f"room at the {trip.hotel}")


def ticket(trip: Trip, effect_id: EffectId) -> Booking:
    """The ticket is paid for by card."""
    return Booking(effect_id, f"ticket for {trip.traveller}")


def itinerary(trip: Trip, effect_id: EffectId, ticket_number: str) -> Booking:
    """The mail tells the number of the ticket, which the story passes on."""
    return Booking(effect_id, f"mail to {trip.traveller} about ticket {ticket_number}")


FLIGHT = Step("flight", prefix="flt", request=flight, do=Agency.book, undo=Agency.unbook)
HOTEL = Step("hotel", prefix="htl", request=room, do=Agency.book, undo=Agency.unbook)
TICKET = Step("ticket", prefix="tkt", request=ticket, do=Agency.book, undo=Agency.unbook, kind=Kind.PIVOT)
ITINERARY = Step("itinerary", prefix="itn", request=itinerary, do=Agency.book, kind=Kind.RETRIABLE)


async def trip_story(trip: Trip, saga: SagaContext[Trip]) -> None:
    """What happens when nothing goes wrong."""
    await saga.do(FLIGHT)
    await saga.do(HOTEL)
    await saga.hold(timedelta(seconds=trip.hold))
    issued = await saga.do(TICKET)
    await saga.try_step(ITINERARY, issued.number if issued else "to follow")


TRIP_SAGA = Saga("trip", trip_story, FLIGHT, HOTEL, TICKET, ITINERARY)
POLICY = Policy(step_deadline=timedelta(seconds=30), undo_patience=timedelta(seconds=1))


@workflow.defn
class TripWorkflow(SagaHandlers):
    """Books a whole trip, or nothing of it."""

    @workflow.init
    def __init__(self, trip: Trip) -> None:
        super().__init__(SagaRun(TRIP_SAGA, trip, trip.trip_id, POLICY))

    @workflow.run
    async def run(self, trip: Trip) -> str:
        """Tell the story to its end, forward or back, and say which."""
        outcome = await self.saga.run()
        if outcome.verdict is Verdict.STANDS:
            return "booked"
        return "cancelled" if outcome.cancelled else f"not booked: {outcome.error}"

    @workflow.query
    def happened(self) -> list[Line]:
        """What has happened so far."""
        return transcript(self.saga.events)


def worker_of(temporal: Client, agency: Agency) -> Worker:
    """A worker of trips. A run that another worker has begun comes to it within a second."""
    return Worker(
        temporal,
        task_queue="trips",
        workflows=[TripWorkflow],
        activities=[agency.book, agency.unbook],
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=1),
    )


# -- the scenarios


@dataclass
class Terminal:
    """What the scenarios use: a server, a worker, an agency, and a screen."""

    temporal: Client
    agency: Agency
    worker: Worker
    screen: Console = field(default_factory=lambda: Console(highlight=False, soft_wrap=True))

    async def start(self, trip: Trip) -> SagaClient:
        """Ask for a trip. Asking again for one that is under way is the same trip."""
        await self.temporal.start_workflow(
            TripWorkflow.run,
            trip,
            id=f"trip-{trip.trip_id}",
            task_queue="trips",
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        )
        return SagaClient(self.temporal, f"trip-{trip.trip_id}")

    def say(self, words: str) -> None:
        """Tell what happens outside of the saga."""
        self.screen.print(f"   {words}")

    async def show(self, trip: SagaClient) -> None:
        """Wait for the end, and tell what the saga did and what the agency has."""
        result: str = await trip.handle.result()
        self.screen.print()
        for line in await trip.handle.query(TripWorkflow.happened):
            self.screen.print(f"   {line}", style=_COLOURS.get(line.mark))
        trip_id = trip.handle.id.removeprefix("trip-")
        left = ", ".join(each for each in self.agency.booked if each.endswith(f"-{trip_id}")) or "nothing"
        self.screen.print(f"\n   Ended: [bold]{result}[/]. In effect at the agency: [bold]{left}[/].\n")


_COLOURS = {"✓": "green", "✗": "red", "!": "yellow", "✎": "cyan", "■": "magenta", "←": "magenta", "↶": "blue"}


async def step_of(trip: SagaClient, name: str, condition: Callable[[StepView], bool]) -> StepView:
    """Ask how a step stands until it stands like that. Raises TimeoutError after half a minute."""
    async with asyncio.timeout(30):
        while True:
            step = next(each for each in (await trip.status()).steps if each.name == name)
            if condition(step):
                return step
            await asyncio.sleep(0.1)


async def booked(terminal: Terminal) -> None:
    """Nothing goes wrong"""
    terminal.say("Ada wants a flight and a room at the Grand.")
    await terminal.show(await terminal.start(Trip("T1", "Ada")))


async def full(terminal: Terminal) -> None:
    """A refusal: the hotel is full"""
    terminal.say("Bob wants a room at the Plaza, which has none left. The agency says no, and remembers that it did.")
    await terminal.show(await terminal.start(Trip("T2", "Bob", hotel="Plaza")))


async def fault(terminal: Terminal) -> None:
    """A fault: the agency does not answer for a while"""
    terminal.agency.down.add("book htl-T3")
    trip = await terminal.start(Trip("T3", "Cy"))
    hotel = await step_of(trip, "hotel", lambda step: step.attempts >= 2)
    terminal.say(f"Cy's room is at attempt {hotel.attempts}: {hotel.last_error}. Now it answers again.")
    terminal.agency.down.clear()
    await terminal.show(trip)


async def cancel(terminal: Terminal) -> None:
    """A cancel: the traveller has changed their mind"""
    trip = await terminal.start(Trip("T4", "Di", hold=3600))
    await step_of(trip, "hotel", lambda step: step.state is StepState.DONE)
    verdict = await trip.cancel("the meeting is off")
    terminal.say(f"Di may change her mind for an hour, and does. She is told when it is certain: {verdict}.")
    await terminal.show(trip)


async def crash(terminal: Terminal) -> None:
    """A crash: the worker stops while the hotel's answer is on its way"""
    terminal.agency.hanging.add("book htl-T5")
    trip = await terminal.start(Trip("T5", "Dot"))
    async with asyncio.timeout(30):
        await terminal.agency.hangs.wait()
    terminal.say("Dot's room is booked, and the worker stops before it hears so. Another worker starts.")
    await terminal.worker.shutdown()
    async with worker_of(terminal.temporal, terminal.agency):
        await terminal.show(trip)
    asked = [terminal.agency.calls.count(f"book {effect_id}") for effect_id in ("flt-T5", "htl-T5")]
    terminal.say(f"The flight was asked for {asked[0]} time, the room {asked[1]} times, and each is booked once.\n")


async def parked(terminal: Terminal) -> None:
    """A parked undo: a person decides"""
    terminal.agency.down.add("unbook htl-T6")
    trip = await terminal.start(Trip("T6", "Eve"))
    hotel = await step_of(trip, "hotel", lambda step: step.state is StepState.PARKED)
    terminal.say(f"Eve's card is declined, and her room cannot be cancelled: {hotel.last_error}.")
    terminal.say("Grace sees what is parked. She phones the hotel, and tells the saga so.")
    terminal.agency.fence["htl-T6"].state = "undone"
    await trip.resolve("hotel", Choice.DONE_BY_HAND, "Grace", "cancelled by phone, no. 8812")
    await terminal.show(trip)


SCENARIOS: dict[str, Callable[[Terminal], Awaitable[None]]] = {
    scenario.__name__: scenario for scenario in (booked, full, fault, cancel, crash, parked)
}


async def main(names: Sequence[str]) -> None:
    """Run these scenarios, each with a worker of its own."""
    agency = Agency()
    async with temporal_client() as temporal:
        for number, name in enumerate(names, 1):
            async with worker_of(temporal, agency) as worker:
                terminal = Terminal(temporal, agency, worker)
                terminal.screen.print(f"[bold]{number}. {SCENARIOS[name].__doc__}[/]")
                await SCENARIOS[name](terminal)


if __name__ == "__main__":
    wanted = sys.argv[1:] or list(SCENARIOS)
    if unknown := set(wanted) - set(SCENARIOS):
        sys.exit(f"There is no scenario {', '.join(sorted(unknown))}. There are: {', '.join(SCENARIOS)}.")
    run_program(main(wanted))
