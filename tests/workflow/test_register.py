"""A saga with a register: what outlives its run, and that there is one end, whichever run writes it first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError

from ordersaga.saga import NOT_YOURS, UNCLAIMED, Choice, Kind, SagaContext
from ordersaga.saga.register import KeptDecision, RegisterState
from ordersaga.testing.sagas.register import Page
from resilience.resets import reset
from tests.workflow.cases import Case, CaseRunner, case_runner, step
from tests.workflow.environment import until
from tests.workflow.registers import ScriptedRegister, registered

A = step("a", fast_path=True)
SHIP = step("ship", Kind.PIVOT, fast_path=True)
MAIL = step("mail", Kind.RETRIABLE, fast_path=True)


async def story(case: Case, saga: SagaContext[Case]) -> None:
    await saga.do(A)
    await saga.do(SHIP)
    await saga.try_step(MAIL)


async def with_hold(case: Case, saga: SagaContext[Case]) -> None:
    await saga.do(A)
    await saga.hold(timedelta(seconds=case.step_deadline))
    await saga.do(SHIP)


SAGA = registered(story, A, SHIP, MAIL)
HELD = registered(with_hold, A, SHIP)
SLOW = {"fast_path": 0}
IMPATIENT = {"undo_patience": 0.2, "parked_interval": 60}


@dataclass
class RegisterRunner:
    """A runner, and the register of its world."""

    case: CaseRunner
    register: ScriptedRegister

    @property
    def page(self) -> Page:
        return self.register.pages[self.case.key]

    @property
    def calls(self) -> list[str]:
        return [call.rstrip(" -") for call in self.case.calls]

    def given_register(self, **script: list[str]) -> None:
        for call, what in script.items():
            self.case.world.script[f"{call} -{self.case.key}"] = what

    async def result(self) -> str:
        """The result of the current run."""
        handle = self.case.temporal.get_workflow_handle(self.case.id, result_type=str)
        return await asyncio.wait_for(handle.result(), 30)


@pytest.fixture
async def stand(temporal: Client, order_id: str) -> AsyncIterator[RegisterRunner]:
    made: list[ScriptedRegister] = []

    def activities(world: Any) -> list[Any]:
        made.append(ScriptedRegister(world))
        register = made[0]
        return [register.claim, register.unwind, register.forward, register.close, register.decide]

    async with case_runner(temporal, order_id, activities) as case:
        yield RegisterRunner(case, made[0])


# -- forward


async def test_a_happy_saga_is_claimed_and_closed_on_the_fast_path(stand: RegisterRunner) -> None:
    handle = await stand.case.start(SAGA)

    assert await handle.result() == "stands"
    assert stand.calls == ["claim", "do a", "do ship", "do mail", "close"]
    assert stand.page.ending == {"key": stand.case.key, "verdict": "stands", "error": None, "ahead": True}
    events = [EventType.Name(event.event_type) async for event in handle.fetch_history_events()]
    assert len(events) == 6, events


@pytest.mark.parametrize("call", ["claim", "close"])
@pytest.mark.parametrize("what", ["fault", "lost"])
@pytest.mark.parametrize("how", [{}, SLOW], ids=["fast", "durable"])
async def test_a_register_that_does_not_answer_is_asked_until_it_does(
    stand: RegisterRunner, call: str, what: str, how: dict[str, Any]
) -> None:
    stand.given_register(**{call: [what, what, "ok"]})

    assert await stand.case.run(SAGA, **how) == "stands"
    assert stand.page.state is RegisterState.STANDS
    assert stand.case.in_effect == ["a", "mail", "ship"]


@pytest.mark.parametrize("how", [{}, SLOW], ids=["fast", "durable"])
async def test_nothing_is_touched_before_the_claim_is_granted(stand: RegisterRunner, how: dict[str, Any]) -> None:
    stand.given_register(claim=["refuse"])

    assert await stand.case.run(SAGA, **how) == "undone Taken"
    assert stand.calls == ["claim"]


@pytest.mark.parametrize("how", [{}, SLOW], ids=["fast", "durable"])
async def test_a_claim_of_what_is_anothers_is_refused(stand: RegisterRunner, how: dict[str, Any]) -> None:
    stand.given_register(claim=[NOT_YOURS])

    assert await stand.case.run(SAGA, **how) == f"undone {NOT_YOURS}"
    assert stand.calls == ["claim"]


async def test_an_end_that_is_made_on_the_durable_way_is_written_once(stand: RegisterRunner) -> None:
    stand.case.given(do_a=["fault", "ok"])

    assert await stand.case.run(SAGA) == "stands"
    assert stand.calls.count("close") == 1
    assert stand.page.ending is not None
    assert not stand.page.ending["ahead"]


# -- unwinding


async def test_that_a_saga_is_undone_is_announced_before_the_pivot_is_asked(stand: RegisterRunner) -> None:
    stand.case.given(do_ship=["fault"])

    assert await stand.case.run(SAGA, step_deadline=0.3) == "undone"
    undoing = [call for call in stand.calls if not call.startswith("do ")]
    assert undoing == ["claim", "unwind", "undo ship", "undo mail", "undo a", "close"]
    [reason] = stand.register.announced
    assert reason.startswith("ship failed: broken before the effect")
    assert stand.page.state is RegisterState.UNDONE
    assert stand.page.ending is not None
    assert stand.page.ending["verdict"] == "undone"


async def test_a_cancel_that_comes_before_the_end_is_written_undoes_all(stand: RegisterRunner) -> None:
    stand.given_register(close=["fault"])
    handle = await stand.case.start(SAGA)
    await stand.case.has(lambda: stand.calls.count("close") > 1)
    stand.given_register(close=["ok"])
    await handle.signal("cancel", "no more")

    assert await handle.result() in ("undone cancelled", "stands")
    assert stand.case.in_effect == ([] if stand.page.state is RegisterState.UNDONE else ["a", "mail", "ship"])


async def test_a_cancel_that_comes_after_a_forgotten_end_is_too_late(stand: RegisterRunner) -> None:
    """The end is written, but the run does not know it."""
    stand.given_register(close=["lost"])
    handle = await stand.case.start(SAGA)
    await stand.case.has(lambda: stand.calls.count("close") > 1)
    asked = asyncio.create_task(stand.case.client.cancel("no more"))
    await stand.case.has(lambda: "unwind" in stand.calls)
    stand.given_register(close=["ok"])

    assert await asked == "stands"
    assert await handle.result() == "stands"
    assert stand.case.in_effect == ["a", "mail", "ship"]
    assert not stand.case.undos


async def test_the_register_learns_that_the_pivot_stands_after_all(stand: RegisterRunner) -> None:
    stand.case.given(do_ship=["lost", "lost", "ok"], undo_ship=["late"])

    assert await stand.case.run(SAGA, step_deadline=0.3) == "stands"
    assert [call for call in stand.calls if call in ("unwind", "forward", "close")] == ["unwind", "forward", "close"]
    assert stand.page.state is RegisterState.STANDS


async def test_another_run_that_undoes_the_saga_turns_the_end_away(stand: RegisterRunner) -> None:
    """A zombie run: it does not know the announcement, and comes to its end."""
    stand.given_register(close=["slow", "ok"])
    handle = await stand.case.start(SAGA, **SLOW)
    await stand.case.has(lambda: "close" in stand.calls)
    stand.page.state = RegisterState.UNWINDING
    stand.case.world.release.set()

    assert await handle.result() == "undone"
    assert stand.case.in_effect == []
    assert stand.page.state is RegisterState.UNDONE


async def test_a_cancel_that_comes_while_the_end_is_written_changes_nothing(stand: RegisterRunner) -> None:
    """Otherwise the register would have another end than the run."""
    stand.case.given(do_ship=["refuse"])
    stand.given_register(close=["slow", "ok"])
    handle = await stand.case.start(SAGA)
    await stand.case.has(lambda: "close" in stand.calls)
    await handle.signal("cancel", "no more")
    stand.case.world.release.set()

    assert await handle.result() == "undone Refused"


async def test_a_saga_that_was_never_accepted_is_undone_and_the_others_end_stays(stand: RegisterRunner) -> None:
    """The starter of the run claimed that it was accepted, but the register has another subject under its key."""
    stand.given_register(close=[NOT_YOURS], unwind=[NOT_YOURS])

    assert await stand.case.run(SAGA) == "undone"
    assert stand.case.in_effect == []
    assert stand.page.state is RegisterState.OPEN


async def test_what_the_register_has_lost_is_claimed_again_and_ends_as_if_it_had_not(stand: RegisterRunner) -> None:
    stand.given_register(close=[UNCLAIMED, UNCLAIMED, "ok"])

    assert await stand.case.run(SAGA) == "stands"
    assert [call for call in stand.calls if not call.startswith("do ")] == ["claim", "close", "close", "claim", "close"]


async def test_what_the_register_has_lost_and_does_not_take_on_again_is_undone(stand: RegisterRunner) -> None:
    """Another subject has taken the key meanwhile."""
    stand.given_register(claim=["ok", "refuse"], close=[UNCLAIMED])

    assert await stand.case.run(SAGA) == "undone"
    assert stand.case.in_effect == []


# -- later runs


async def test_a_run_that_finds_an_end_ends_like_it_and_touches_nothing(stand: RegisterRunner) -> None:
    handle = await stand.case.start(SAGA)
    await handle.result()
    before = list(stand.calls)
    await reset(stand.case.temporal, stand.case.id)

    assert await stand.result() == "stands"
    assert stand.calls[len(before) :][0] == "claim"
    assert stand.case.in_effect == ["a", "mail", "ship"]
    assert not stand.case.undos
    assert stand.page.ending is not None
    assert stand.page.ending["ahead"], "the first end counts"


async def test_a_run_that_finds_it_undone_ends_so(stand: RegisterRunner) -> None:
    stand.case.given(do_ship=["refuse", "ok"])
    handle = await stand.case.start(SAGA)
    assert await handle.result() == "undone Refused"
    await reset(stand.case.temporal, stand.case.id)

    assert await stand.result() == "undone"
    assert stand.case.in_effect == []
    assert stand.calls[-1] == "claim"


async def test_a_run_that_finds_another_undoing_undoes_at_once_and_does_not_hold(stand: RegisterRunner) -> None:
    stand.register.pages[stand.case.key] = Page(RegisterState.UNWINDING)

    assert await stand.case.run(HELD, step_deadline=3_600) == "undone"
    assert not [call for call in stand.calls if call.startswith("do ")]


async def test_a_run_that_finds_that_the_pivot_stands_always_goes_forward(stand: RegisterRunner) -> None:
    stand.register.pages[stand.case.key] = Page(RegisterState.FORWARD)
    stand.case.given(do_a=["refuse", "ok"])
    handle = await stand.case.start(SAGA, **IMPATIENT)
    await stand.case.state_is("a", "parked")
    await handle.signal("cancel", "no more")
    await stand.case.client.resolve("a", Choice.RETRY, "Ada")

    assert await handle.result() == "stands"
    assert stand.case.in_effect == ["a", "mail", "ship"]


# -- decisions


async def parked(stand: RegisterRunner, **given: list[str]) -> WorkflowHandle[Any, str]:
    """A saga that is being undone, with the undo of `a` parked."""
    stand.case.given(do_ship=["refuse"], undo_a=["fault"], **given)
    handle = await stand.case.start(SAGA, **IMPATIENT)
    await stand.case.state_is("a", "parked")
    return handle


async def test_a_decision_is_stored_before_it_is_carried_out_and_confirmed(stand: RegisterRunner) -> None:
    handle = await parked(stand)
    stand.given_register(decide=["fault", "slow", "ok"])
    deciding = asyncio.create_task(stand.case.client.resolve("a", Choice.DONE_BY_HAND, "Ada", "transfer 4711"))
    await stand.case.has(lambda: stand.calls.count("decide") == 2)
    view = await stand.case.client.status()
    assert (view.step("a").state, view.step("a").choices) == ("parked", [])
    assert not deciding.done()
    stand.case.world.release.set()

    assert (await deciding).step("a").state == "done_by_hand"
    assert await handle.result() == "undone Refused"
    [kept] = stand.page.decisions.values()
    assert (kept.step, kept.choice, kept.by, kept.note, kept.undoing) == (
        "a",
        Choice.DONE_BY_HAND,
        "Ada",
        "transfer 4711",
        True,
    )


async def test_a_decision_outlives_a_reset(stand: RegisterRunner) -> None:
    """Fault 4: the refund is not repeated."""
    await parked(stand, undo_ship=["ok"])
    stand.given_register(close=["fault"])
    await stand.case.client.resolve("a", Choice.DONE_BY_HAND, "Ada", "transfer 4711")
    await stand.case.has(lambda: "close" in stand.calls)
    stand.case.given(undo_a=["ok"])
    before = stand.calls.count("undo a")
    await reset(stand.case.temporal, stand.case.id)
    stand.given_register(close=["ok"])

    assert await stand.result() == "undone"
    assert stand.calls.count("undo a") == before
    assert (await stand.case.states())["a"] == "done_by_hand"


async def test_a_decision_outlives_a_termination(stand: RegisterRunner) -> None:
    handle = await parked(stand)
    stand.given_register(close=["fault"])
    await stand.case.client.resolve("a", Choice.WRITE_OFF, "Ada", "too dear")
    await stand.case.has(lambda: "close" in stand.calls)
    await handle.terminate()
    before = stand.calls.count("undo a")
    stand.given_register(close=["ok"])

    assert await stand.case.run(SAGA) == "undone"
    assert stand.calls.count("undo a") == before
    assert (await stand.case.states())["a"] == "written_off"


async def test_a_persons_decision_that_the_pivot_stands_is_remembered(stand: RegisterRunner) -> None:
    stand.case.given(do_ship=["fault"], undo_ship=["fault"])
    handle = await stand.case.start(SAGA, step_deadline=0.3, **IMPATIENT)
    await stand.case.state_is("ship", "parked")
    stand.case.given(do_ship=["fault"])
    await stand.case.client.resolve("ship", Choice.GO_FORWARD, "Ada")
    await stand.case.has(lambda: "forward" in stand.calls)
    await handle.terminate()
    stand.case.given(do_ship=["ok"])
    before = stand.calls.count("undo ship")

    assert await stand.case.run(SAGA) == "stands"
    assert stand.calls.count("undo ship") == before


async def test_a_retry_is_stored_and_does_not_bind_later_runs(stand: RegisterRunner) -> None:
    handle = await parked(stand)
    stand.case.given(undo_a=["ok"])
    await stand.case.client.resolve("a", Choice.RETRY, "Ada")

    assert await handle.result() == "undone Refused"
    assert [kept.choice for kept in stand.page.decisions.values()] == [Choice.RETRY]
    stand.page.state, stand.page.ending = RegisterState.UNWINDING, None
    await stand.case.run(SAGA)
    assert (await stand.case.states())["a"] in ("undone", "nothing_to_undo")


async def test_a_done_by_hand_of_a_do_is_not_done_again(stand: RegisterRunner) -> None:
    decision = KeptDecision("a", Choice.DONE_BY_HAND, "Ada", datetime.now(UTC), "in the shop")
    stand.register.pages[stand.case.key] = Page(RegisterState.FORWARD, {"1": decision})

    assert await stand.case.run(SAGA) == "stands"
    assert "do a" not in stand.calls


async def test_without_a_query_of_a_closed_run_nothing_is_lost(stand: RegisterRunner) -> None:
    """A replayed run answers the same."""
    await stand.case.run(SAGA)

    async def received() -> dict[str, str] | None:
        try:
            return await stand.case.states()
        except RPCError:
            return None

    assert await until(received) == {"a": "done", "ship": "done", "mail": "done"}
