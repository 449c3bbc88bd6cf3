"""An in-memory register, for tests of a saga that has one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from temporalio import activity

from ordersaga.saga import (
    FENCED,
    DecisionNotice,
    KeptDecision,
    Notice,
    Register,
    RegisterState,
    Standing,
    refusal,
)
from ordersaga.saga.first_attempts import registered_name
from ordersaga.testing.sagas.samples import parameter_type


@dataclass
class Page:
    """What a register knows about one saga, and the rules for its changes."""

    state: RegisterState = RegisterState.OPEN
    decisions: dict[str, KeptDecision] = field(default_factory=dict)
    ending: Any = None

    def unwind(self) -> Standing:
        """Record that the saga is being undone."""
        if self.state is RegisterState.OPEN:
            self.state = RegisterState.UNWINDING
        return self.standing()

    def forward(self) -> Standing:
        """Record that the pivot stands."""
        if not self.state.is_end:
            self.state = RegisterState.FORWARD
        return self.standing()

    def close(self, ending: Any, *, stands: bool) -> Standing:
        """Record the end, unless there is one. Raises FENCED if the saga is to stand while it is being undone."""
        if not self.state.is_end:
            if stands and self.state is RegisterState.UNWINDING:
                raise refusal("it is being undone", FENCED)
            self.state = RegisterState.STANDS if stands else RegisterState.UNDONE
            self.ending = ending
        return self.standing(ending)

    def decide(self, notice: DecisionNotice) -> Standing:
        """Record a person's decision."""
        self.decisions.setdefault(notice.id, notice.decision)
        return self.standing()

    def standing(self, written: Any = None) -> Standing:
        """The answer to a caller that has just written `written`."""
        return Standing(self.state, list(self.decisions.values()), None if self.ending == written else self.ending)


class MemoryRegister:
    """One page per workflow id. It makes the activities of a saga's register, under their real names."""

    def __init__(self) -> None:
        self.pages: defaultdict[str, Page] = defaultdict(Page)

    def activities(self, register: Register[Any]) -> Iterator[Callable[..., Any]]:
        """All five activities."""
        yield self._make(register.claim, lambda page, subject: page.standing())
        yield self._make(register.unwind, lambda page, notice: page.unwind(), Notice)
        yield self._make(register.forward, lambda page, notice: page.forward(), Notice)
        yield self._make(register.close, _close)
        yield self._make(register.decide, lambda page, notice: page.decide(notice), DecisionNotice)

    def _make(
        self, real: Callable[..., Any], answer: Callable[[Page, Any], Standing], kind: type | None = None
    ) -> Callable[..., Any]:
        async def call(argument: Any) -> Standing:
            return answer(self.pages[activity.info().workflow_id or ""], argument)

        call.__annotations__ = {"argument": kind or parameter_type(real), "return": Standing}
        return activity.defn(name=registered_name(real))(call)


def _close(page: Page, ending: Any) -> Standing:
    """The format of an end is the saga's own.

    A run announces that it undoes the saga, so the page knows which end it is.
    """
    return page.close(ending, stands=page.state is not RegisterState.UNWINDING)
