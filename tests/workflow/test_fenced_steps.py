"""A do that finds its undo's tombstone: somebody has begun to undo the saga, unless the pivot is known to stand."""

from __future__ import annotations

from ordersaga.saga import Kind, Saga, SagaContext
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
    async def story(each: Case, saga: SagaContext[Case]) -> None:
        await saga.do(FAST_A)
        await saga.do(FAST_B)

    case.world.tombstones.add(f"b-{case.key}")
    assert await case.run(Saga("case", story, FAST_A, FAST_B)) == "undone"
    assert case.undos == ["b", "a"]
    assert case.in_effect == []
