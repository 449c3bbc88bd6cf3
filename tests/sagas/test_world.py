"""The world follows the rules of a fence, makes a saga's activities by name, and behaves as scripted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from examples.course.tour import BAGS, MAIL, PASSPORT, SEAT, TICKETS, TOUR_SAGA, Receipt, Request
from ordersaga.orders.workflows.story import ORDER_SAGA
from ordersaga.saga import FENCED, EffectId, Saga, SagaContext, Step, UndoOutcome, UndoRequest, UndoResult
from ordersaga.testing.sagas import Do, Undo, World


def called(world: World, name: str) -> Any:
    """The world's activity with this name."""
    return next(each for each in world.activities() if each.__temporal_activity_definition.name == name)  # type: ignore[attr-defined]


async def do(world: World, effect_id: str, name: str = "book_seat") -> Any:
    return await ActivityEnvironment().run(called(world, name), Request(effect_id, "whatever"))


async def undo(world: World, effect_id: str, name: str = "free_seat") -> UndoOutcome:
    result: UndoResult = await ActivityEnvironment().run(called(world, name), UndoRequest(effect_id))
    return result.outcome


@pytest.fixture
def world() -> World:
    return World(TOUR_SAGA)


def test_every_activity_is_there_under_its_own_name(world: World) -> None:
    names = [each.__temporal_activity_definition.name for each in world.activities()]  # type: ignore[attr-defined]
    assert sorted(names) == [
        "book_seat",
        "check_in_bags",
        "check_passport",
        "free_seat",
        "issue_tickets",
        "look_for_payment",
        "return_tickets",
        "send_mail",
        "tour_first_attempts",
    ]


async def test_a_real_activity_takes_the_place_of_the_worlds(world: World) -> None:
    @activity.defn
    async def send_mail(request: Request) -> str:
        return "by a real mail server"

    assert send_mail in world.activities(send_mail)
    assert len(world.activities(send_mail)) == len(world.activities())


async def test_a_repeated_do_takes_effect_once_and_gets_its_first_answer(world: World) -> None:
    first, second = await do(world, "seat-1-ada"), await do(world, "seat-1-ada")

    assert first == second == Receipt("seat-1-ada")
    assert world.live == ["seat-1-ada"]
    assert world.calls == ["do seat-1-ada", "do seat-1-ada"]
    assert world.count("do", SEAT) == 2


async def test_a_do_after_its_undo_is_fenced(world: World) -> None:
    assert await undo(world, "seat-1-ada") is UndoOutcome.NOTHING_TO_UNDO

    with pytest.raises(ApplicationError) as fenced:
        await do(world, "seat-1-ada")
    assert fenced.value.type == FENCED
    assert world.live == []


async def test_an_undo_answers_the_same_twice(world: World) -> None:
    await do(world, "seat-1-ada")

    assert [await undo(world, "seat-1-ada") for _ in range(2)] == [UndoOutcome.UNDONE] * 2
    assert world.live == []


async def test_a_refusal_is_stored(world: World) -> None:
    world.given(SEAT, do=[Do.REFUSE, Do.OK])
    for _ in range(2):
        with pytest.raises(ApplicationError, match="the world says no"):
            await do(world, "seat-1-ada")
    assert await undo(world, "seat-1-ada") is UndoOutcome.NOTHING_TO_UNDO


async def test_a_checks_refusal_is_not_stored_and_a_check_has_no_effect(world: World) -> None:
    world.given(PASSPORT, do=[Do.REFUSE, Do.OK])
    with pytest.raises(ApplicationError, match="the world says no"):
        await do(world, "passport-1", "check_passport")
    await do(world, "passport-1", "check_passport")
    assert world.live == []


@pytest.mark.parametrize(("what", "live"), [(Do.FAULT, []), (Do.LOST, ["seat-1-ada"])])
async def test_a_fault_comes_before_the_effect_and_an_answer_is_lost_after_it(
    world: World, what: Do, live: list[str]
) -> None:
    world.given(SEAT, do=[what, Do.OK])
    with pytest.raises(ConnectionError):
        await do(world, "seat-1-ada")
    assert world.live == live
    await do(world, "seat-1-ada")
    assert world.live == ["seat-1-ada"]


async def test_a_script_may_be_for_one_instance(world: World) -> None:
    world.given(SEAT, do=[Do.FAULT], key="bob")
    await do(world, "seat-1-ada")
    with pytest.raises(ConnectionError):
        await do(world, "seat-1-bob")


async def test_an_undo_is_requested_first_and_final_later_and_fences_at_once(world: World) -> None:
    world.given(TICKETS, undo=[Undo.REQUESTED, Undo.OK])
    await do(world, "tickets-1", "issue_tickets")

    assert await undo(world, "tickets-1", "return_tickets") is UndoOutcome.REQUESTED
    assert world.live == ["tickets-1"]
    with pytest.raises(ApplicationError):
        await do(world, "tickets-1", "issue_tickets")
    assert await undo(world, "tickets-1", "return_tickets") is UndoOutcome.UNDONE
    assert world.live == []


async def test_an_undo_of_nothing_is_never_too_late(world: World) -> None:
    world.given(TICKETS, undo=[Undo.TOO_LATE])
    assert await undo(world, "tickets-1", "return_tickets") is UndoOutcome.NOTHING_TO_UNDO
    await do(world, "tickets-2", "issue_tickets")
    assert await undo(world, "tickets-2", "return_tickets") is UndoOutcome.TOO_LATE
    assert world.live == ["tickets-2"]


async def test_an_undo_takes_back_what_is_undone_by_it_and_turns_late_ones_away(world: World) -> None:
    await do(world, "tickets-1", "issue_tickets")
    await do(world, "bags-1", "check_in_bags")
    await undo(world, "tickets-1", "return_tickets")
    assert world.live == []

    await undo(world, "tickets-2", "return_tickets")
    with pytest.raises(ApplicationError) as fenced:
        await do(world, "bags-2", "check_in_bags")
    assert fenced.value.type == FENCED


async def test_an_answer_is_as_the_test_wants_it() -> None:
    world = World(TOUR_SAGA, answers={BAGS: lambda request: Receipt(f"tag of {request.what}")})
    assert await do(world, "bags-1", "check_in_bags") == Receipt("tag of whatever")
    assert await do(world, "mail-1", "send_mail") is None
    assert world.count("do", MAIL) == 1


async def test_a_request_without_an_id_is_reported_and_recorded(world: World) -> None:
    with pytest.raises(ValueError, match="does not contain exactly one id seat-"):
        await do(world, "tickets-1")
    assert len(world.misuses) == 1


@dataclass(frozen=True)
class Odd:
    """A request with two ids."""

    id: str
    replaces: str


class OddActivities:
    """The activities for it."""

    @activity.defn
    async def replace(self, request: Odd) -> object:
        """Replace one thing by another."""
        raise NotImplementedError

    @activity.defn
    async def put_back(self, undo: UndoRequest) -> UndoResult:
        """Undo it."""
        raise NotImplementedError


def replacement(subject: str, effect_id: EffectId) -> Odd:
    return Odd(effect_id, f"{effect_id.partition('-')[0]}-old")


ODD = Step("odd", request=replacement, do=OddActivities.replace, undo=OddActivities.put_back)


async def odd_story(subject: str, saga: SagaContext[str]) -> None:
    await saga.do(ODD)


ODD_SAGA = Saga("odd", odd_story, ODD)


async def test_the_id_can_be_specified() -> None:
    world = World(ODD_SAGA, id_of=lambda request: str(request.id), answers={ODD: lambda request: "fine"})
    assert await ActivityEnvironment().run(called(world, "replace"), Odd("odd-1", "odd-0")) == "fine"
    assert world.live == ["odd-1"]


def test_an_unsupported_type_is_reported_at_once() -> None:
    with pytest.raises(TypeError, match="cannot make a sample of object"):
        World(ODD_SAGA)


def test_the_order_saga_needs_no_ids_or_answers() -> None:
    assert len(World(ORDER_SAGA).activities()) == 14
