"""Cancels from outside: reading their reasons from any SDK, and limiting how many wait for an answer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ordersaga.saga.execution import SagaRun
from ordersaga.saga.outcome import Verdict

MAX_REASON = 500
"""The maximum length of a cancel's reason, in characters. The rest is cut off."""
NO_REASON = "no reason given"
MAX_WAITING = 5
"""How many cancels may wait for the answer at a time. The server allows ten pending updates per run, including
decisions."""
MAX_ASKED = 1_000
"""How many cancels may wait for the answer in the whole run. The server allows 2,000 updates per run, including
decisions."""


class TooManyCancels(Exception):
    """So many cancels are waiting that another one could lock operators out."""


class CancelRequests:
    """The cancels of one run that wait for an answer. Their number is limited."""

    def __init__(self) -> None:
        self._waiting = 0
        self._asked = 0

    def check(self) -> None:
        """Raise TooManyCancels if no more cancels may wait for the answer. For an update's validator."""
        if self._waiting >= MAX_WAITING or self._asked >= MAX_ASKED:
            raise TooManyCancels(
                f"{self._waiting} wait for the answer to a cancel of this saga, and {self._asked} have asked in all; "
                f"no more than {MAX_WAITING} may at a time, and {MAX_ASKED} in all. A cancel has been asked for "
                "already, so ask how the saga stands instead, or send the signal `cancel`."
            )

    async def answer(self, saga: SagaRun[Any], details: Sequence[Any]) -> Verdict:
        """Request the saga's cancellation, and wait until it is certain how the saga ends."""
        self._asked += 1
        self._waiting += 1
        try:
            saga.cancel(*read_cancel(details))
            return await saga.outcome_decided()
        finally:
            self._waiting -= 1


def read_cancel(details: Sequence[Any]) -> tuple[str, str | None]:
    """Read the reason, and who gave it, from the arguments of a cancel.

    An object `{"reason": …, "by": …}` gives both. Anything else is the reason. Other SDKs may send no argument, null,
    an object of another shape, or several arguments.
    """
    if len(details) == 1 and isinstance(details[0], dict) and details[0].keys() == {"reason", "by"}:
        return _joined([details[0]["reason"]]) or NO_REASON, _joined([details[0]["by"]]) or None
    return _joined(details) or NO_REASON, None


def cancel_arguments(reason: str, by: str | None) -> Any:
    """Build the arguments that `read_cancel` reads. For clients."""
    return {"reason": reason[:MAX_REASON], "by": by[:MAX_REASON]} if by else reason[:MAX_REASON]


def _joined(details: Sequence[Any]) -> str:
    return ", ".join(filter(None, map(_text, details)))[:MAX_REASON]


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return value if isinstance(value, str) else json.dumps(value, default=str)
