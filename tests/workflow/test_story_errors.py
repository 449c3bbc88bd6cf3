"""Exceptions from a story that are not a step's answer: the task fails at once, and nothing is undone."""

from __future__ import annotations

import asyncio

from ordersaga.saga import Kind, Saga, SagaContext
from tests.workflow.cases import Case, CaseRunner, step

A, B, PIVOT = step("a"), step("b"), step("ship", Kind.PIVOT)
ONE, TWO = step("one", Kind.REQUIRED), step("two", Kind.REQUIRED)
STRANGER = step("stranger")


async def test_a_group_of_other_exceptions_does_not_end_the_saga(case: CaseRunner) -> None:
    async def story(subject: Case, saga: SagaContext[Case]) -> None:
        await saga.do(A)
        raise BaseExceptionGroup("odd", [GeneratorExit()])

    problem = await case.task_failure(Saga("case", story, A))

    assert "the story let BaseExceptionGroup through: odd" in problem
    assert case.in_effect == ["a"]


async def test_a_step_next_to_a_misuse_waits_for_no_person_although_the_pivot_stands(case: CaseRunner) -> None:
    async def story(subject: Case, saga: SagaContext[Case]) -> None:
        async def strange() -> None:
            await saga.do(TWO)
            await saga.do(STRANGER)

        await saga.do(PIVOT)
        await asyncio.gather(saga.do(ONE), strange())

    case.given(do_one=["fault"], do_two=["refuse", "ok"], undo_ship=["late"])
    problem = await case.task_failure(Saga("case", story, PIVOT, ONE, TWO), step_deadline=60, undo_patience=60)

    assert "stranger is not a step of case" in problem


async def test_a_step_that_is_left_because_of_another_has_no_error_of_its_own(case: CaseRunner) -> None:
    async def story(subject: Case, saga: SagaContext[Case]) -> None:
        await asyncio.gather(saga.do(A), saga.do(B))

    case.given(do_a=["fault"], do_b=["fault", "refuse"])

    assert await case.run(Saga("case", story, A, B), step_deadline=60) == "undone Refused"
    left, refused = (await case.client.status()).steps
    assert (left.state, left.last_error) == ("nothing_to_undo", None)
    assert (refused.state, refused.last_error) == ("refused", "no")
