"""The direction of a run, forward or back, by the state of its register."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from temporalio import workflow

from ordersaga.saga import (
    NOT_YOURS,
    Choice,
    Decision,
    KeptDecision,
    Outcome,
    Phase,
    RegisterState,
    SagaRun,
    Standing,
    StepState,
    UndoBegun,
    UndoOutcome,
    UndoResult,
    Verdict,
    WentForward,
)
from tests.unit.engine import Time
from tests.unit.registers import SAGA, FakeRegister, no

UNWINDING, FORWARD = Standing(RegisterState.UNWINDING), Standing(RegisterState.FORWARD)


@pytest.fixture(autouse=True)
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    return Time(monkeypatch)


@pytest.fixture
def fake_register(monkeypatch: pytest.MonkeyPatch) -> FakeRegister:
    return FakeRegister(monkeypatch)


async def unwound(run: SagaRun[str]) -> Outcome:
    """The outcome of a run that begins by unwinding."""
    return await run._drive("it was cut off")


def run_of(*, claimed: bool = False) -> SagaRun[str]:
    return SagaRun(SAGA, "subject", "1", claimed=claimed)


async def test_the_subject_is_claimed_before_anything_is_undone(fake_register: FakeRegister) -> None:
    run = run_of()

    assert await unwound(run) == Outcome(Verdict.UNDONE, error="it was cut off")
    assert fake_register.calls == ["claim", "unwind", "undo", "undo", "close"]
    assert run.phase is Phase.ENDED


async def test_what_was_claimed_before_is_not_claimed_again(fake_register: FakeRegister) -> None:
    await unwound(run_of(claimed=True))
    assert fake_register.calls == ["unwind", "undo", "undo", "close"]


async def test_what_is_anothers_is_not_undone(fake_register: FakeRegister) -> None:
    fake_register.script["claim"] = [no("Taken", "it is another's")]

    assert await unwound(run_of()) == Outcome(Verdict.UNDONE, error="it is another's", refusal="Taken")
    assert fake_register.calls == ["claim"]


@pytest.mark.parametrize(
    ("state", "verdict"), [(RegisterState.STANDS, Verdict.STANDS), (RegisterState.UNDONE, Verdict.UNDONE)]
)
async def test_what_has_ended_ends_like_it(fake_register: FakeRegister, state: RegisterState, verdict: Verdict) -> None:
    fake_register.script["claim"] = [Standing(state, ending="the first end")]
    run = run_of()

    assert await unwound(run) == Outcome(verdict, ending="the first end")
    assert (run.verdict, run.phase) == (verdict, Phase.ENDED)
    assert fake_register.calls == ["claim"]


async def test_what_turns_out_to_be_undone_is_left_alone(fake_register: FakeRegister) -> None:
    fake_register.script["unwind"] = [Standing(RegisterState.UNDONE, ending="the first end")]

    assert await unwound(run_of()) == Outcome(Verdict.UNDONE, ending="the first end")
    assert fake_register.calls == ["claim", "unwind"]


@pytest.mark.parametrize("state", [RegisterState.STANDS, RegisterState.FORWARD])
async def test_what_is_known_to_stand_goes_forward_and_no_undo_is_asked(
    fake_register: FakeRegister, state: RegisterState
) -> None:
    fake_register.script["unwind"] = [Standing(state)]

    assert await unwound(run_of()) == Outcome(Verdict.STANDS)
    assert fake_register.calls == ["claim", "unwind", "do", "do", "close"]


async def test_what_another_run_undoes_is_undone_by_this_one_too(fake_register: FakeRegister) -> None:
    fake_register.script = {"claim": [UNWINDING], "unwind": [UNWINDING]}
    assert (await unwound(run_of())).verdict is Verdict.UNDONE
    assert fake_register.calls == ["claim", "unwind", "undo", "undo", "close"]


async def test_a_run_that_is_not_registered_calls_no_register(
    fake_register: FakeRegister, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def wait(condition: Callable[[], bool], **_: object) -> None:
        while not condition():
            await asyncio.sleep(0)

    definition = SimpleNamespace(failure_exception_types=())
    monkeypatch.setattr(workflow, "instance", type("Running", (), {"__temporal_workflow_definition": definition}))
    monkeypatch.setattr(workflow, "wait_condition", wait)
    monkeypatch.setattr(workflow, "all_handlers_finished", lambda: True)

    outcome = await run_of().run(unwind_because="a service was restored", registered=False)
    assert outcome == Outcome(Verdict.UNDONE, error="a service was restored")
    assert fake_register.calls == ["undo", "undo"]


@pytest.mark.parametrize("undoing", [False, True])
async def test_a_decision_from_outside_the_run_is_on_the_step_or_on_its_undo(
    fake_register: FakeRegister, undoing: bool
) -> None:
    await run_of().keep(Decision("a", Choice.WRITE_OFF, "Ada"), undoing=undoing)
    ((name, notice),) = fake_register.asked
    assert (name, notice.decision.undoing) == ("decide", undoing)


async def test_the_pivot_is_undone_first_and_the_register_learns_that_it_stands(fake_register: FakeRegister) -> None:
    fake_register.script["undo"] = [UndoResult(UndoOutcome.TOO_LATE)]

    assert await unwound(run_of()) == Outcome(Verdict.STANDS)
    assert fake_register.calls == ["claim", "unwind", "undo", "forward", "do", "do", "close"]
    ((_, notice),) = [each for each in fake_register.asked if each[0] == "forward"]
    assert notice.reason == "ship stands"


async def test_what_the_register_takes_for_anothers_is_undone_without_it(fake_register: FakeRegister) -> None:
    fake_register.script["unwind"] = [no(NOT_YOURS)]

    assert (await unwound(run_of(claimed=True))).verdict is Verdict.UNDONE
    assert fake_register.calls == ["unwind", "undo", "undo"]


async def test_an_end_that_was_written_before_is_the_one_that_counts(fake_register: FakeRegister) -> None:
    fake_register.script["close"] = [Standing(RegisterState.UNDONE, ending="the first end")]
    assert (await unwound(run_of())).ending == "the first end"


async def test_an_undo_that_a_person_has_decided_before_is_not_asked_again(
    fake_register: FakeRegister, time: Time
) -> None:
    decision = KeptDecision("a", Choice.DONE_BY_HAND, "Ada", time.now, "17", undoing=True)
    fake_register.script["claim"] = [Standing(RegisterState.UNWINDING, [decision])]
    run = run_of()

    await unwound(run)
    assert run.records["a"].state is StepState.DONE_BY_HAND
    begun = [each.step for each in run.events if isinstance(each, UndoBegun)]
    assert begun == ["ship", "a"], "whoever reads the timeline sees what the decision was on"
    assert [asked.id for name, asked in fake_register.asked if name == "undo"] == ["ship-1"]


async def test_a_cancel_that_comes_while_the_end_is_written_changes_nothing(fake_register: FakeRegister) -> None:
    fake_register.script["close"] = [None]
    run = run_of()
    ending = asyncio.create_task(unwound(run))
    while "close" not in fake_register.calls:
        await asyncio.sleep(0)
    run.cancel("no more")
    assert run.cancel_reason is None
    ending.cancel()


async def test_what_is_known_to_stand_cannot_be_cancelled_and_the_answer_says_so(fake_register: FakeRegister) -> None:
    fake_register.script = {"unwind": [FORWARD], "do": [None]}
    run = run_of()
    going = asyncio.create_task(unwound(run))
    while "do" not in fake_register.calls:
        await asyncio.sleep(0)
    run.cancel("no more")
    assert (run.verdict, run.phase, run.cancel_reason) == (Verdict.STANDS, Phase.FORWARD, None)
    assert [each.step for each in run.events if isinstance(each, WentForward)] == ["ship"]
    going.cancel()


# -- a run that runs its story


async def test_an_undisturbed_run_goes_forward_and_stands(fake_register: FakeRegister) -> None:
    run = run_of()
    assert not run.begun
    assert await run._drive(None) == Outcome(Verdict.STANDS)
    assert run.begun
    assert fake_register.calls == ["claim", "do", "do", "close"]
    assert run.verdict is Verdict.STANDS


async def test_what_an_earlier_run_had_begun_to_undo_is_not_done(fake_register: FakeRegister) -> None:
    fake_register.script = {"claim": [UNWINDING], "unwind": [UNWINDING]}
    outcome = await run_of()._drive(None)
    assert (outcome.verdict, outcome.error) == (Verdict.UNDONE, "an earlier run had begun to undo it")
    assert fake_register.calls == ["claim", "unwind", "undo", "undo", "close"]


@pytest.mark.parametrize("state", [RegisterState.OPEN, RegisterState.FORWARD])
async def test_what_an_earlier_run_knows_to_stand_is_not_undone_by_a_refusal(
    fake_register: FakeRegister, state: RegisterState
) -> None:
    fake_register.script = {"claim": [Standing(state)], "do": [no("SoldOut"), "done"]}
    stands = state is RegisterState.FORWARD

    assert (await run_of()._drive(None)).verdict is (Verdict.STANDS if stands else Verdict.UNDONE)
    assert fake_register.calls.count("do") == (3 if stands else 1), "it is parked, and tried again"
    assert ("unwind" in fake_register.calls) is not stands


async def test_an_end_that_another_run_has_written_is_the_one_that_counts(fake_register: FakeRegister) -> None:
    fake_register.script["close"] = [Standing(RegisterState.STANDS, ending="the first end")]
    assert await run_of()._drive(None) == Outcome(Verdict.STANDS, ending="the first end")
