"""Answers of fences other than success and refusal: undone before, another request's, another owner's."""

from __future__ import annotations

import pytest

from ordersaga.saga import ID_TAKEN, NOT_YOURS, Choice, DecisionRefused, Kind, Saga, SagaContext
from tests.workflow.cases import Case, CaseRunner, step

A, PIVOT, MAIL = step("a"), step("ship", Kind.PIVOT), step("mail", Kind.RETRIABLE)
FAST_A, FAST_B = step("a", fast_path=True), step("b", fast_path=True)


async def shipped(case: Case, saga: SagaContext[Case]) -> None:
    await saga.do(A)
    await saga.do(PIVOT)
    await saga.try_step(MAIL)


SHIPPED = Saga("case", shipped, A, PIVOT, MAIL)


async def test_a_fenced_retriable_step_undoes_everything_for_somebody_has_begun_to(case: CaseRunner) -> None:
    case.world.tombstones.add(f"mail-{case.key}")

    assert await case.run(SHIPPED) == "undone"
    assert case.in_effect == []
    assert case.undos == ["ship", "mail", "a"]


async def test_once_the_pivot_stands_a_fenced_retriable_step_is_given_up(case: CaseRunner) -> None:
    case.world.tombstones.add(f"mail-{case.key}")
    case.given(do_ship=["lost", "ok"], undo_ship=["late"])

    assert await case.run(SHIPPED, step_deadline=0.3) == "stands"
    assert (await case.states())["mail"] == "gave_up"
    assert case.in_effect == ["a", "ship"]


async def test_a_fenced_first_attempt_undoes_everything(case: CaseRunner) -> None:
    async def story(subject: Case, saga: SagaContext[Case]) -> None:
        await saga.do(FAST_A)
        await saga.do(FAST_B)

    case.world.tombstones.add(f"b-{case.key}")
    assert await case.run(Saga("case", story, FAST_A, FAST_B)) == "undone"
    assert case.undos == ["b", "a"]
    assert case.in_effect == []


# -- another request's


async def test_an_effect_of_another_request_waits_for_a_person_who_may_try_again(case: CaseRunner) -> None:
    case.given(do_ship=[ID_TAKEN, ID_TAKEN, "ok"])
    handle = await case.start(SHIPPED, parked_interval=60.0)
    await case.state_is("ship", "parked")
    ship = next(each for each in (await case.client.status()).steps if each.name == "ship")
    assert ship.choices == [Choice.RETRY]
    with pytest.raises(DecisionRefused, match="tried again, or everything be undone by a cancel"):
        await case.client.resolve("ship", Choice.DONE_BY_HAND, "Ada", "parcel 17")
    await case.client.resolve("ship", Choice.RETRY, "Ada")
    await case.state_is("ship", "parked")
    await case.client.resolve("ship", Choice.RETRY, "Ada")

    assert await handle.result() == "stands"
    assert case.in_effect == ["a", "mail", "ship"]
    assert case.undos == []


async def test_an_effect_of_another_request_is_tried_again_without_a_person_too(case: CaseRunner) -> None:
    case.given(do_a=[ID_TAKEN, "ok"])
    assert await case.run(SHIPPED) == "stands"


@pytest.mark.parametrize("name", ["a", "ship"])
async def test_a_cancel_undoes_what_another_request_stands_in_the_way_of(case: CaseRunner, name: str) -> None:
    case.given(**{f"do_{name}": [ID_TAKEN]})
    handle = await case.start(SHIPPED, parked_interval=60.0)
    await case.state_is(name, "parked")
    await case.client.cancel("enough")

    assert await handle.result() == "undone cancelled"
    assert case.in_effect == []
    assert name in case.undos
    assert case.calls.count(f"do {name}") == 1


async def test_a_refusal_after_all_undoes_what_waited_for_a_person(case: CaseRunner) -> None:
    case.given(do_ship=[ID_TAKEN, "refuse"])
    assert await case.run(SHIPPED) == "undone Refused"
    assert case.undos == ["a"]


async def test_an_email_of_another_request_is_given_up_and_unwinds_nothing(case: CaseRunner) -> None:
    case.given(do_mail=[ID_TAKEN])
    assert await case.run(SHIPPED) == "stands"
    assert (await case.states())["mail"] == "gave_up"
    assert case.undos == []


# -- another owner's


@pytest.mark.parametrize("name", ["a", "ship"])
async def test_an_effect_of_another_owner_is_a_refusal_and_stays_as_it_is(case: CaseRunner, name: str) -> None:
    case.given(**{f"do_{name}": [NOT_YOURS]})
    assert await case.run(SHIPPED) == f"undone {NOT_YOURS}"
    assert name not in case.undos
    assert case.in_effect == []


async def test_there_is_nothing_to_undo_where_the_effect_is_another_owners(case: CaseRunner) -> None:
    case.given(do_ship=["fault"], undo_a=[NOT_YOURS], undo_ship=[NOT_YOURS])
    assert await case.run(SHIPPED, step_deadline=0.3) == "undone"
    states = await case.states()
    assert (states["a"], states["ship"]) == ("nothing_to_undo", "nothing_to_undo")


async def test_an_undo_names_the_owner(case: CaseRunner) -> None:
    saga = Saga("case", shipped, A, PIVOT, MAIL, owner=lambda each: f"owner of {each.key}")
    case.given(do_ship=["refuse"])
    assert await case.run(saga) == "undone Refused"
    assert case.world.owners == {f"owner of {case.key}"}
