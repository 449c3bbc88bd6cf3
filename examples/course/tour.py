"""A group tour: every kind of step, and what a step can be told. Chapter 7 of docs/start/course.md.

python -m examples.course.tour
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from temporalio import activity, workflow

with workflow.unsafe.imports_passed_through():
    from ordersaga.saga import (
        EffectId,
        ExternalEvent,
        Kind,
        Saga,
        SagaContext,
        Step,
        UndoRequest,
        UndoResult,
        first_attempts,
        not_yet,
        refusal,
    )


@dataclass(frozen=True)
class Tour:
    """A tour for several travellers."""

    tour_id: str
    travellers: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Request:
    """What is asked for, under an id."""

    id: str
    what: str


@dataclass(frozen=True)
class Receipt:
    """What is answered."""

    number: str


class Office:
    """The activities: their names and types. The world of ordersaga.testing.sagas stands in for what they do."""

    @activity.defn
    async def check_passport(self, request: Request) -> None:
        """Look whether a passport is valid."""
        raise refusal("the passport has expired", "PassportExpired")

    @activity.defn
    async def book_seat(self, request: Request) -> Receipt:
        """Book one traveller's seat."""
        raise NotImplementedError

    @activity.defn
    async def free_seat(self, undo: UndoRequest) -> UndoResult:
        """Give it back."""
        raise NotImplementedError

    @activity.defn
    async def issue_tickets(self, request: Request) -> Receipt:
        """Issue the group's tickets."""
        raise NotImplementedError

    @activity.defn
    async def return_tickets(self, undo: UndoRequest) -> UndoResult:
        """Ask for the tickets to be taken back. The airline answers REQUESTED, and decides later."""
        raise NotImplementedError

    @activity.defn
    async def check_in_bags(self, request: Request) -> Receipt:
        """Check the bags in, on the tickets."""
        raise NotImplementedError

    @activity.defn
    async def send_mail(self, request: Request) -> None:
        """Send the programme."""
        raise NotImplementedError

    @activity.defn
    async def look_for_payment(self, tour_id: str) -> str:
        """The number of the payment, if it has come."""
        raise not_yet()


def of_group(tour: Tour, effect_id: EffectId) -> Request:
    """What is asked for the whole group."""
    return Request(effect_id, f"tour {tour.tour_id}")


def of_traveller(tour: Tour, effect_id: EffectId) -> Request:
    """What is asked for one traveller: the key of the instance is in its id."""
    return Request(effect_id, f"seat for {effect_id.key}")


def mail(tour: Tour, effect_id: EffectId, payment: str | None) -> Request:
    """The mail tells the number of the payment."""
    return Request(effect_id, f"paid by {payment}")


PASSPORT = Step("passport", request=of_group, do=Office.check_passport, kind=Kind.CHECK)
SEAT = Step(
    "seat",
    request=of_traveller,
    do=Office.book_seat,
    undo=Office.free_seat,
    keys=lambda tour: tour.travellers,
    fast_path=True,
)
TICKETS = Step(
    "tickets",
    request=of_group,
    do=Office.issue_tickets,
    undo=Office.return_tickets,
    kind=Kind.PIVOT,
    call_timeout=timedelta(seconds=3),
)
BAGS = Step("bags", request=of_group, do=Office.check_in_bags, kind=Kind.REQUIRED, undone_by=TICKETS)
MAIL = Step("mail", request=mail, do=Office.send_mail, kind=Kind.RETRIABLE, step_deadline=timedelta(seconds=5))

PAYMENT: ExternalEvent[Tour, str] = ExternalEvent(
    "payment", str, poll=Office.look_for_payment, request=lambda tour: tour.tour_id
)


async def tour_story(tour: Tour, saga: SagaContext[Tour]) -> None:
    """What happens when nothing goes wrong."""
    await saga.do(PASSPORT)
    seats = await saga.do_all(SEAT)
    if len(seats) < 2:
        saga.refuse("TooFew", "a tour takes at least two travellers")
    payment = await saga.wait_for(PAYMENT, timedelta(days=3))
    await saga.do(TICKETS)
    await saga.do(BAGS)
    await saga.try_step(MAIL, payment)


TOUR_SAGA = Saga("tour", tour_story, PASSPORT, SEAT, TICKETS, BAGS, MAIL, events=[PAYMENT])


def tour_activities(office: Office) -> list[Callable[..., Any]]:
    """What a worker of tours needs."""
    of_steps: list[Callable[..., Any]] = [
        office.check_passport,
        office.book_seat,
        office.free_seat,
        office.issue_tickets,
        office.return_tickets,
        office.check_in_bags,
        office.send_mail,
        office.look_for_payment,
    ]
    return [*of_steps, first_attempts(TOUR_SAGA, of_steps)]
