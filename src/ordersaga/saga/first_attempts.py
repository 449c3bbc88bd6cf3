"""The fast path's activity: it runs a story ahead, with one attempt of each step, as long as all goes well."""

# No postponed annotations here: inside Temporal's sandbox, the converter could not resolve them.

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, NoReturn, TypeVar, TypeVarTuple, get_type_hints

from temporalio import activity
from temporalio.converter import PayloadConverter
from temporalio.exceptions import ApplicationError

from ordersaga.saga.definition import AnyStep, ExternalEvent, Saga, SagaDeclarationError, Step, keys_of
from ordersaga.saga.events import StepDone
from ordersaga.saga.exits import StopEarly, StoryExit
from ordersaga.saga.outcome import Verdict
from ordersaga.saga.register import CLAIM, CLOSE, Register, RegisterState, SagaEnding
from ordersaga.saga.step_state import StepRecord, StepState
from ordersaga.saga.story_guard import MAY_FAIL, MUST_SUCCEED, StoryGuard, records_of, side_by_side

V = TypeVar("V")
R = TypeVar("R")
Inputs = TypeVarTuple("Inputs")


@dataclass(frozen=True)
class Checkpoint:
    """How far a story has come in the workflow: the answers of its steps, and the waits that are over.

    `seconds` is the timeout of an attempt. No step begins once that much time has passed.
    """

    key: str
    seconds: float
    answers: dict[str, Any] = field(default_factory=dict)
    waits: dict[str, Any] = field(default_factory=dict)
    claim: bool = False
    """Whether the register must be asked first."""


@dataclass(frozen=True)
class Failure:
    """Why an attempt failed. A `final` failure is not retried."""

    message: str
    type: str | None = None
    final: bool = False


@dataclass(frozen=True)
class AttemptOutcome:
    """The result of one step's attempt. It began and ended this many seconds after the activity began."""

    step: str
    began: float
    ended: float
    answer: Any = None
    failure: Failure | None = None


def activity_name(saga: Saga[Any]) -> str:
    """The name of the activity that makes a saga's first attempts."""
    return f"{saga.name}_first_attempts"


def first_attempts(saga: Saga[Any], activities: Iterable[Callable[..., Any]]) -> Callable[..., Any]:
    """Build the activity that makes first attempts, for a worker that has the activities of the saga's steps.

    The activities are looked up by name, as Temporal does, so a test can pass others. Raises SagaDeclarationError if
    one is missing, or if no step of the saga uses the fast path.
    """
    named = {registered_name(each): each for each in activities}
    fast = [step for step in saga.steps if step.fast_path]
    missing = [step.name for step in fast if registered_name(step.do) not in named]
    if saga.register is not None and saga.register.fast_path:
        missing += [call for call in _of_register(saga.register) if call not in named]
    if missing:
        raise SagaDeclarationError(f"there is no activity for {', '.join(missing)}")
    if not fast:
        raise SagaDeclarationError(f"no step of {saga.name} has fast_path=True, so it makes no first attempts")
    calls = {step.name: named[registered_name(step.do)] for step in fast}
    if saga.register is not None and saga.register.fast_path:
        calls |= {
            CLAIM: named[registered_name(saga.register.claim)],
            CLOSE: named[registered_name(saga.register.close)],
        }

    async def make_first_attempts(subject: Any, checkpoint: Checkpoint) -> list[AttemptOutcome]:
        ahead = _StoryAhead(saga, subject, checkpoint, calls, activity.payload_converter())
        return await ahead.run()

    make_first_attempts.__annotations__["subject"] = _subject_of(saga)
    return activity.defn(name=activity_name(saga))(make_first_attempts)


def decode_answer(step: AnyStep, value: Any, converter: PayloadConverter) -> Any:
    """Decode a step's answer from plain JSON, as the type that its `do` returns."""
    return None if value is None else decode(answer_type(step.do), value, converter)


def decode(kind: Any, value: Any, converter: PayloadConverter) -> Any:
    """Decode a value from plain JSON, as this type."""
    return converter.from_payload(converter.to_payload(value), kind)


class _StoryAhead:
    """Does a story's steps by plain calls, one attempt each, until one fails, the story waits or the time is up."""

    def __init__(
        self,
        saga: Saga[Any],
        subject: Any,
        checkpoint: Checkpoint,
        calls: Mapping[str, Callable[..., Awaitable[Any]]],
        converter: PayloadConverter,
    ) -> None:
        self._saga, self._subject, self._checkpoint = saga, subject, checkpoint
        self._calls, self._converter = calls, converter
        self._guard = StoryGuard(saga, {each.name: each for each in records_of(saga, subject, checkpoint.key)})
        self._outcomes: list[AttemptOutcome] = []
        self._zero = asyncio.get_running_loop().time()
        self._tasks: set[asyncio.Task[Any]] = set()

    async def run(self) -> list[AttemptOutcome]:
        """Return the result of each step.

        If the story does not match its declaration, just stop: the workflow will report it.
        """
        try:
            try:
                await self._claim()
                await self._saga.story(self._subject, self)
                await self._close()
            except* StoryExit:
                pass
            self._guard.leave(StopEarly())
            await asyncio.gather(*self._tasks)
        finally:
            for task in self._tasks:
                task.cancel()
        return self._outcomes

    async def _claim(self) -> None:
        if self._checkpoint.claim:
            outcome = await self._attempt(CLAIM, self._subject)
            if outcome.failure is not None or outcome.answer.state is not RegisterState.OPEN:
                self._stop()

    async def _close(self) -> None:
        """Write the end of a story that ran here from its beginning without any failure."""
        register = self._saga.register
        ran_before = self._checkpoint.answers or self._checkpoint.waits
        if CLOSE not in self._calls or register is None or ran_before:
            return
        await asyncio.sleep(0)  # a task that the story has left behind begins its step now
        self._guard.finished()
        if all(task.done() for task in self._tasks) and not any(each.failure for each in self._outcomes):
            await self._attempt(CLOSE, register.ending(self._subject, self._ending()))

    def _ending(self) -> SagaEnding:
        records = self._guard.records
        zero, events = datetime.now(UTC) - timedelta(seconds=self._clock()), []
        made = [outcome for outcome in self._outcomes if outcome.step != CLAIM]
        for outcome in made:
            record = records[outcome.step]
            began, ended = (zero + timedelta(seconds=seconds) for seconds in (outcome.began, outcome.ended))
            record.state, record.since, record.attempts = StepState.DONE, ended, 1
            events.append(
                StepDone(at=ended, step=record.name, state=record.state, was=StepState.RUNNING, since=began, attempts=1)
            )
        answers = {outcome.step: outcome.answer for outcome in made}
        return SagaEnding(
            key=self._checkpoint.key,
            verdict=Verdict.STANDS,
            cancelled=False,
            error=None,
            refusal=None,
            cancel_reason=None,
            steps=list(records.values()),
            answers=answers,
            events=events,
            decided=[],
            ahead=True,
        )

    async def do(self, step: Step[Any, R, *Inputs], *inputs: *Inputs, key: str = "") -> R | None:
        answer: R | None = await self._do(step, inputs, key)
        return answer

    async def try_step(self, step: Step[Any, R, *Inputs], *inputs: *Inputs, key: str = "") -> R | None:
        answer: R | None = await self._step(self._guard.begin(step, key, MAY_FAIL, "try_step()"), step, inputs)
        return answer

    async def do_all(self, step: Step[Any, R, *Inputs], *inputs: *Inputs) -> dict[str, R | None]:
        return await side_by_side(keys_of(step, self._subject), lambda key: self._do(step, inputs, key))

    async def hold(self, duration: timedelta) -> None:
        if self._guard.next_hold() not in self._checkpoint.waits and duration:
            self._stop()

    async def wait_for(self, event: ExternalEvent[Any, V], deadline: timedelta) -> V | None:
        if event.name not in self._checkpoint.waits:
            self._stop()
        value = self._checkpoint.waits[event.name]
        found: V | None = None if value is None else decode(event.value_type, value, self._converter)
        return found

    def refuse(self, kind: str, message: str) -> NoReturn:
        self._stop()

    async def _do(self, step: AnyStep, inputs: tuple[Any, ...], key: str) -> Any:
        return await self._step(self._guard.begin(step, key, MUST_SUCCEED, "do()"), step, inputs)

    async def _step(self, record: StepRecord, step: AnyStep, inputs: tuple[Any, ...]) -> Any:
        answers = self._checkpoint.answers
        if record.name in answers:
            return decode_answer(step, answers[record.name], self._converter)
        if not step.fast_path or (self._outcomes and self._clock() > self._checkpoint.seconds):
            self._stop()
        try:
            request = step.request(self._subject, record.id, *inputs)
        except Exception:  # a bug, which the workflow will also hit
            self._stop()
        # In its own task, so that the attempt always runs to its end, even if the story cancels its own tasks.
        attempt = asyncio.create_task(self._attempt(record.name, request, step.name))
        self._tasks.add(attempt)
        outcome = await asyncio.shield(attempt)
        if outcome.failure is not None:
            self._stop()
        return outcome.answer

    async def _attempt(self, name: str, request: Any, call: str = "") -> AttemptOutcome:
        began, answer, failure = self._clock(), None, None
        try:
            async with asyncio.timeout(self._checkpoint.seconds):
                answer = await self._calls[call or name](request)
        except TimeoutError:
            failure = Failure(f"no answer within {self._checkpoint.seconds:g} s")
        except ApplicationError as error:
            failure = Failure(error.message, error.type, error.non_retryable)
        except Exception as error:
            failure = Failure(str(error), type(error).__name__)
        outcome = AttemptOutcome(name, began, self._clock(), answer, failure)
        self._outcomes.append(outcome)
        return outcome

    def _stop(self) -> NoReturn:
        raise self._guard.leave(StopEarly())

    def _clock(self) -> float:
        return asyncio.get_running_loop().time() - self._zero


@cache
def answer_type(call: Callable[..., Any]) -> Any:
    """The declared return type of an activity; None if it has none."""
    return get_type_hints(call).get("return")


def registered_name(call: Callable[..., Any]) -> str:
    """The name under which an activity is registered. The SDK has no public way to get it."""
    name: str = call.__temporal_activity_definition.name  # type: ignore[attr-defined]
    return name


def _of_register(register: Register[Any]) -> list[str]:
    return [registered_name(register.claim), registered_name(register.close)]


def _subject_of(saga: Saga[Any]) -> Any:
    hints = get_type_hints(saga.story)
    return next((kind for name, kind in hints.items() if name != "return"), Any)
