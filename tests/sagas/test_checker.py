"""The checker finds what is half done, and accepts what a person has decided."""

from __future__ import annotations

import pytest
from temporalio.testing import ActivityEnvironment

from examples.trip import FLIGHT, HOTEL, ITINERARY, TICKET, TRIP_SAGA, Booked, Booking
from ordersaga.saga import StepState, Verdict
from ordersaga.testing.sagas import Ending, World, check

STANDS, UNDONE = Verdict.STANDS, Verdict.UNDONE
STEPS = (FLIGHT, HOTEL, TICKET, ITINERARY)


async def world_with(*live: str) -> World:
    world = World(TRIP_SAGA, answers={step: lambda request: Booked("no. 1") for step in STEPS})
    book = next(each for each in world.activities() if each.__name__ == "do")
    for effect_id in live:
        await ActivityEnvironment().run(book, Booking(effect_id, "whatever"))
    return world


def ending(verdict: Verdict, *states: StepState) -> Ending:
    names = [step.name for step in STEPS]
    return Ending(verdict, dict(zip(names, states, strict=True)), {step.name: f"{step.prefix}-1" for step in STEPS})


DONE, GONE, NOTHING = StepState.DONE, StepState.UNDONE, StepState.NOTHING_TO_UNDO
ALL = ("flt-1", "htl-1", "tkt-1", "itn-1")


@pytest.mark.parametrize(
    ("verdict", "states", "live"),
    [
        (STANDS, (DONE, DONE, DONE, DONE), ALL),
        (STANDS, (DONE, DONE, DONE, StepState.GAVE_UP), ALL[:3]),
        (STANDS, (DONE, DONE, DONE, StepState.GAVE_UP), ALL),
        (STANDS, (DONE, DONE, StepState.DONE_BY_HAND, DONE), ("flt-1", "htl-1", "itn-1")),
        (UNDONE, (GONE, NOTHING, NOTHING, StepState.PENDING), ()),
        (UNDONE, (GONE, StepState.WRITTEN_OFF, NOTHING, StepState.PENDING), ("htl-1",)),
        (UNDONE, (GONE, GONE, GONE, DONE), ("itn-1",)),
    ],
    ids=["all", "given up", "given up in doubt", "by hand", "none", "written off", "a mail cannot be undone"],
)
async def test_all_or_nothing_is_right(verdict: Verdict, states: tuple[StepState, ...], live: tuple[str, ...]) -> None:
    assert check(ending(verdict, *states), await world_with(*live)) == []


@pytest.mark.parametrize(
    ("verdict", "states", "live", "problem"),
    [
        (STANDS, (DONE, DONE, DONE, DONE), ALL[1:], "it stands, and flight is done and not live"),
        (STANDS, (GONE, DONE, DONE, DONE), ALL, "it stands, and flight (undone) is live"),
        (STANDS, (GONE, DONE, DONE, DONE), ALL[1:], "it stands, and flight is undone"),
        (STANDS, (DONE, DONE, DONE, StepState.PENDING), ALL, "it stands, and itinerary (pending) is live"),
        (UNDONE, (DONE, GONE, GONE, StepState.PENDING), ALL[:1], "it is undone, and flight (done) is live"),
        (UNDONE, (GONE, StepState.PARKED, GONE, StepState.PENDING), (), "it ended undone, and hotel is parked"),
        (UNDONE, (GONE, GONE, GONE, StepState.PENDING), ("flt-2",), "flt-2 is live, but is not an effect of this run"),
    ],
)
async def test_half_of_it_is_wrong(
    verdict: Verdict, states: tuple[StepState, ...], live: tuple[str, ...], problem: str
) -> None:
    assert check(ending(verdict, *states), await world_with(*live)) == [problem]
