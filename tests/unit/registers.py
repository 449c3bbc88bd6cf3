"""A scripted register and a saga that uses it, for tests without a server."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from temporalio import activity, workflow
from temporalio.converter import DataConverter

from ordersaga.saga import (
    DecisionNotice,
    Kind,
    Notice,
    Register,
    RegisterState,
    Saga,
    SagaContext,
    SagaEnding,
    Standing,
    Step,
    UndoOutcome,
    UndoResult,
)
from tests.unit.engine import Service, failed, raw
from tests.unit.parts import do, request, undo

OPEN = Standing(RegisterState.OPEN)


@activity.defn
async def claim(subject: str) -> Standing:
    """Not called: the fake register answers."""
    return OPEN


@activity.defn
async def unwind(notice: Notice) -> Standing:
    """Not called."""
    return OPEN


@activity.defn
async def forward(notice: Notice) -> Standing:
    """Not called."""
    return OPEN


@activity.defn
async def close(ending: str) -> Standing:
    """Not called."""
    return OPEN


@activity.defn
async def decide(notice: DecisionNotice) -> Standing:
    """Not called."""
    return OPEN


def ending(subject: str, ending: SagaEnding) -> str:
    """What is written at the end."""
    return f"{subject} {ending.verdict}"


A = Step[str, str]("a", request, do, undo)
SHIP = Step[str, str]("ship", request, do, undo, kind=Kind.PIVOT)


async def story(subject: str, saga: SagaContext[str]) -> None:
    """Do both steps."""
    await saga.do(A)
    await saga.do(SHIP)


REGISTER = Register[str](claim, unwind, forward, close, decide, ending)
SAGA = Saga("s", story, A, SHIP, owner=lambda subject: f"owner of {subject}", register=REGISTER)


def no(kind: str, message: str = "no") -> BaseException:
    """The failure of a call that is refused."""
    return failed(message, final=True, kind=kind)


class FakeRegister:
    """Returns a scripted answer per call, by the activities' names; after the end of the script, the usual one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.script: dict[str, list[Any]] = {}
        self.asked: list[tuple[str, Any]] = []
        self.options: list[dict[str, Any]] = []
        monkeypatch.setattr(workflow, "start_activity", self.start)
        monkeypatch.setattr(workflow, "payload_converter", lambda: DataConverter.default.payload_converter)
        monkeypatch.setattr(workflow, "info", lambda: SimpleNamespace(run_id="run-1", first_execution_run_id="run-0"))

    @property
    def calls(self) -> list[str]:
        """The requests so far."""
        return [name for name, _ in self.asked]

    def start(self, name: str, argument: Any = None, **options: Any) -> Any:
        """Start to answer. None waits until the call is ended."""
        self.asked.append((name, argument if argument is not None else options["args"][0]))
        self.options.append(options)
        answers = self.script.get(name, [])
        usual = UndoResult(UndoOutcome.UNDONE) if name == "undo" else "done" if name == "do" else OPEN
        return Service(answers.pop(0) if answers else usual).handle(raw)
