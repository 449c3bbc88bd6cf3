"""A register on the fast path: called before the first step, and after the last one has succeeded."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio import activity, workflow
from temporalio.converter import DataConverter
from temporalio.testing import ActivityEnvironment

from ordersaga.saga import (
    ExternalEvent,
    Kind,
    Register,
    RegisterState,
    Saga,
    SagaContext,
    SagaDeclarationError,
    SagaEnding,
    Standing,
    Step,
    StepDone,
    StepState,
    Verdict,
    first_attempts,
    refusal,
)
from ordersaga.saga.fast_path import FastPath, FirstAttempt
from ordersaga.saga.first_attempts import AttemptOutcome, Checkpoint, Failure
from ordersaga.saga.register import CLAIM, CLOSE
from tests.unit import registers
from tests.unit.parts import request, undo

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
OPEN = Standing(RegisterState.OPEN)
FROM_THE_START = Checkpoint("1", 5.0, claim=True)


@dataclass
class Answer:
    """The answer of a step."""

    text: str


class World:
    """The steps and the register. Each effect and call may be scripted to raise."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.raises: dict[str, Exception] = {}
        self.claimed = OPEN
        self.slow = 0
        self.endings: list[SagaEnding] = []

    def _happens(self, call: str) -> None:
        self.calls.append(call)
        if call in self.raises:
            raise self.raises[call]

    @activity.defn
    async def do(self, effect: str) -> Answer:
        """Do a step."""
        for _ in range(self.slow if effect == "a-1" else 0):
            await asyncio.sleep(0)
        self._happens(effect)
        return Answer(f"answer of {effect}")

    @activity.defn
    async def claim(self, subject: str) -> Standing:
        """Accept the claim."""
        self._happens(f"claim {subject}")
        return self.claimed

    @activity.defn
    async def close(self, ending: str) -> Standing:
        """Write the end."""
        self._happens(f"close {ending}")
        return Standing(RegisterState.STANDS)

    def ending(self, subject: str, ending: SagaEnding) -> str:
        """Record the ending."""
        self.endings.append(ending)
        return subject


A = Step[str, Answer]("a", request, World.do, undo, fast_path=True)
SHIP = Step[str, Answer]("ship", request, World.do, undo, kind=Kind.PIVOT, fast_path=True)
MAIL = Step[str, Answer]("mail", request, World.do, kind=Kind.RETRIABLE, fast_path=True)
PAID = ExternalEvent[str, Answer]("paid", Answer)


behind: list[asyncio.Task[Any]] = []
"""Tasks that a story has left behind."""


async def story(subject: str, saga: SagaContext[str]) -> None:
    if subject.startswith("hasty"):
        behind.append(asyncio.create_task(saga.do(A)))
        for _ in range(int(subject.removeprefix("hasty "))):
            await asyncio.sleep(0)
        return
    if subject == "deaf":
        with suppress(BaseException):
            await saga.hold(SECOND)
        return
    await saga.do(A)
    if subject == "forgetful":
        return
    if subject == "waiting":
        await saga.wait_for(PAID, SECOND)
    await saga.do(SHIP)
    await saga.try_step(MAIL)


@pytest.fixture
def world() -> World:
    return World()


def saga_of(world: World, *, fast_path: bool = True) -> Saga[str]:
    register = Register[str](
        world.claim, registers.unwind, registers.forward, world.close, registers.decide, world.ending, fast_path
    )
    return Saga("s", story, A, SHIP, MAIL, events=[PAID], register=register)


async def tell(
    world: World, checkpoint: Checkpoint = FROM_THE_START, subject: str = "s", *, fast_path: bool = True
) -> list[AttemptOutcome]:
    """The result of each attempt."""
    made = first_attempts(saga_of(world, fast_path=fast_path), [world.do, world.claim, world.close])
    outcomes: list[AttemptOutcome] = await ActivityEnvironment().run(made, subject, checkpoint)
    return outcomes


# -- in the activity


async def test_a_happy_saga_is_claimed_before_and_closed_after(world: World) -> None:
    outcomes = await tell(world)

    assert world.calls == ["claim s", "a-1", "ship-1", "mail-1", "close s"]
    assert [(each.step, each.failure) for each in outcomes] == [
        (name, None) for name in (CLAIM, "a", "ship", "mail", CLOSE)
    ]
    assert (outcomes[0].answer, outcomes[-1].answer) == (OPEN, Standing(RegisterState.STANDS))
    assert outcomes[-1].began - outcomes[-2].ended < 0.5, "at once"


async def test_an_end_contains_all_steps_with_their_times(world: World) -> None:
    before = datetime.now(UTC)
    outcomes = await tell(world)
    after = datetime.now(UTC)

    (ending,) = world.endings
    names = ["a", "ship", "mail"]
    done = {each.step: each for each in outcomes}
    assert [(each.name, each.state, each.attempts) for each in ending.steps] == [
        (name, StepState.DONE, 1) for name in names
    ]
    for record, event in zip(ending.steps, ending.events, strict=True):
        assert isinstance(event, StepDone)
        assert (event.step, event.state, event.was) == (record.name, StepState.DONE, StepState.RUNNING)
        assert (event.attempts, event.at) == (1, record.since)
        assert event.since is not None
        assert before <= event.since <= event.at <= after
        made = done[record.name]
        assert event.at - event.since == pytest.approx(timedelta(seconds=made.ended - made.began), abs=SECOND / 1000)
    rest = replace(ending, steps=[], events=[])
    assert rest == SagaEnding(
        key="1",
        verdict=Verdict.STANDS,
        cancelled=False,
        error=None,
        refusal=None,
        cancel_reason=None,
        steps=[],
        answers={name: Answer(f"answer of {name}-1") for name in names},
        events=[],
        decided=[],
        ahead=True,
    )


async def test_what_is_claimed_already_is_not_claimed_again(world: World) -> None:
    await tell(world, Checkpoint("1", 5.0))
    assert world.calls == ["a-1", "ship-1", "mail-1", "close s"]


@pytest.mark.parametrize("error", [refusal("it is another's", "Taken"), RuntimeError("the register is away")])
async def test_nothing_is_done_before_the_claim_is_granted(world: World, error: Exception) -> None:
    world.raises["claim s"] = error
    (outcome,) = await tell(world)

    assert outcome.step == CLAIM
    assert outcome.failure is not None
    assert world.calls == ["claim s"]


@pytest.mark.parametrize("state", [state for state in RegisterState if state is not RegisterState.OPEN])
async def test_what_an_earlier_run_has_left_behind_is_for_the_workflow(world: World, state: RegisterState) -> None:
    world.claimed = Standing(state)
    (outcome,) = await tell(world)
    assert (outcome.step, outcome.answer, world.calls) == (CLAIM, Standing(state), ["claim s"])


@pytest.mark.parametrize("step", ["a", "ship", "mail"])
async def test_where_something_went_wrong_the_workflow_writes_the_end(world: World, step: str) -> None:
    world.raises[f"{step}-1"] = RuntimeError("broken")
    outcomes = await tell(world)
    assert outcomes[-1].step == step
    assert world.endings == []


@pytest.mark.parametrize(
    "checkpoint",
    [
        Checkpoint("1", 5.0, answers={"a": {"text": "before"}}),
        Checkpoint("1", 5.0, waits={"paid": None}),
    ],
    ids=["answers", "waits"],
)
async def test_a_story_that_did_not_begin_here_is_closed_by_the_workflow(world: World, checkpoint: Checkpoint) -> None:
    outcomes = await tell(world, checkpoint, "waiting" if checkpoint.waits else "s")
    assert [each.step for each in outcomes][-2:] == ["ship", "mail"]
    assert world.endings == []


async def test_a_step_that_the_story_leaves_out_is_reported_as_not_done(world: World) -> None:
    outcomes = await tell(world, subject="forgetful")
    assert [each.step for each in outcomes] == [CLAIM, "a", CLOSE]
    (ending,) = world.endings
    assert [each.state for each in ending.steps] == [StepState.DONE, StepState.PENDING, StepState.PENDING]


@pytest.mark.parametrize("goes_on", range(3))
@pytest.mark.parametrize("error", [None, RuntimeError("broken")], ids=["well", "broken"])
async def test_a_story_that_does_not_wait_for_a_step_is_not_closed(
    world: World, goes_on: int, error: Exception | None
) -> None:
    """The workflow reports this as a bug."""
    world.slow = 9
    world.raises |= {"a-1": error} if error else {}
    await tell(world, subject=f"hasty {goes_on}")
    await asyncio.gather(behind.pop(), return_exceptions=True)
    assert not world.endings


@pytest.mark.parametrize("goes_on", range(6))
async def test_a_step_that_fails_as_the_story_returns_is_not_reported_as_done(world: World, goes_on: int) -> None:
    world.raises["a-1"] = RuntimeError("broken")
    await tell(world, subject=f"hasty {goes_on}")
    await asyncio.gather(behind.pop(), return_exceptions=True)
    assert not world.endings


async def test_a_story_that_swallows_what_is_to_stop_it_is_not_closed(world: World) -> None:
    """The workflow reports this as a bug."""
    await tell(world, subject="deaf")
    assert world.calls == ["claim deaf"]


async def test_an_end_that_is_not_written_says_why(world: World) -> None:
    world.raises["close s"] = refusal("it is being undone", "Fenced")
    outcomes = await tell(world)
    assert (outcomes[-1].step, outcomes[-1].failure) == (CLOSE, Failure("it is being undone", "Fenced", True))


async def test_a_register_that_is_not_for_the_fast_path_is_not_asked_there(world: World) -> None:
    outcomes = await tell(world, Checkpoint("1", 5.0), fast_path=False)
    assert world.calls == ["a-1", "ship-1", "mail-1"]
    assert [each.step for each in outcomes] == ["a", "ship", "mail"]
    assert world.endings == []


def test_a_worker_has_to_have_what_asks_the_register(world: World) -> None:
    with pytest.raises(SagaDeclarationError, match=r"there is no activity for claim, close$"):
        first_attempts(saga_of(world), [world.do])
    with pytest.raises(SagaDeclarationError, match=r"there is no activity for close$"):
        first_attempts(saga_of(world), [world.do, world.claim])
    first_attempts(saga_of(world, fast_path=False), [world.do])


# -- in the workflow


class Made:
    """The results of the activity, and its inputs."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.outcomes: list[AttemptOutcome] = []
        self.asked: list[list[Any]] = []
        monkeypatch.setattr(workflow, "execute_local_activity", self.execute)
        monkeypatch.setattr(workflow, "now", lambda: NOW)
        monkeypatch.setattr(workflow, "payload_converter", lambda: DataConverter.default.payload_converter)

    async def execute(self, name: str, args: list[Any], **options: Any) -> list[AttemptOutcome]:
        """Record the call."""
        self.asked.append(args)
        return self.outcomes


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Made:
    return Made(monkeypatch)


def path_of(saga: Saga[str], patience: timedelta = SECOND) -> FastPath[str]:
    return FastPath(saga, "subject", patience)


def test_a_register_is_called_on_the_fast_path_if_both_allow_it(world: World) -> None:
    assert path_of(saga_of(world)).registers
    assert not path_of(saga_of(world, fast_path=False)).registers
    assert not path_of(registers.SAGA).registers, "it has not said so"
    assert not path_of(Saga("s", story, A, SHIP, MAIL, events=[PAID])).registers
    assert not path_of(saga_of(world), timedelta(0)).registers


async def test_a_claim_is_made_with_the_first_steps_and_read(world: World, made: Made) -> None:
    path = path_of(saga_of(world))
    made.outcomes = [
        AttemptOutcome(CLAIM, 1, 2, {"state": "open"}),
        AttemptOutcome("a", 2, 3, {"text": "17"}),
        AttemptOutcome(CLOSE, 3, 4, {"state": "stands", "ending": "the first end"}),
    ]

    assert await path.claim(FROM_THE_START) == FirstAttempt(OPEN, NOW + SECOND, NOW + 2 * SECOND)
    assert (await path.attempt(A, "a", FROM_THE_START)).answer == Answer("17")
    assert path.closed() == FirstAttempt(
        Standing(RegisterState.STANDS, ending="the first end"), NOW + 3 * SECOND, NOW + 4 * SECOND
    )
    assert path.closed() is None, "it is used once"
    assert made.asked == [["subject", FROM_THE_START]]


async def test_a_claim_that_failed_says_why_and_nothing_was_closed(world: World, made: Made) -> None:
    path, no = path_of(saga_of(world)), Failure("it is another's", "Taken", True)
    made.outcomes = [AttemptOutcome(CLAIM, 1, 2, failure=no)]

    assert (await path.claim(FROM_THE_START)).failure == no
    assert path.closed() is None


async def test_an_end_that_was_not_written_ahead_says_why(world: World, made: Made) -> None:
    path, fault = path_of(saga_of(world)), Failure("the register is away")
    made.outcomes = [AttemptOutcome(CLAIM, 1, 2, {"state": "open"}), AttemptOutcome(CLOSE, 3, 4, failure=fault)]
    await path.claim(FROM_THE_START)

    closed = path.closed()
    assert closed is not None
    assert (closed.failure, closed.answer) == (fault, None)
