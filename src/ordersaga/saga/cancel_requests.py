"""Cancels that come from outside: their reasons as any SDK may send them, and how many may wait for an answer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ordersaga.saga.execution import SagaRun
from ordersaga.saga.outcome import Verdict

MAX_REASON = 500
"""Characters that are kept of a cancel's reason."""
NO_REASON = "no reason given"
MOST_WAITING = 5
"""How many may wait for the answer at a time. The server lets ten updates of a run be under way, decisions included."""
MOST_ASKED = 1_000
"""How many may ever have waited for it in one run. The server takes 2,000 updates of a run, decisions included."""


class TooManyCancels(Exception):
    """So many have asked that operators would be locked out."""


class CancelRequests:
    """The cancels of one run that wait for their answer, which are bounded."""

    def __init__(self) -> None:
        self._waiting = 0
        self._asked = 0

    def check(self) -> None:
        """Raise TooManyCancels if another may not wait for the answer; for an update's validator."""
        if self._waiting >= MOST_WAITING or self._asked >= MOST_ASKED:
            raise TooManyCancels(
                f"{self._waiting} wait for the answer to a cancel of this saga, and {self._asked} have asked in all; "
                f"no more than {MOST_WAITING} may at a time, and {MOST_ASKED} in all. A cancel has been asked for "
                "already, so ask how the saga stands instead, or send the signal `cancel`."
            )

    async def answer(self, saga: SagaRun[Any], details: Sequence[Any]) -> Verdict:
        """Ask for the saga to be cancelled, and wait until it is certain how it ends."""
        self._asked += 1
        self._waiting += 1
        try:
            saga.cancel(*read_cancel(details))
            return await saga.outcome_decided()
        finally:
            self._waiting -= 1


def read_cancel(details: Sequence[Any]) -> tuple[str, str | None]:
    """Why, and by whom, from the arguments of a cancel.

    One object `{"reason": …, "by": …}` says both. Anything else is the reason: other SDKs may send none, null, an
    object of another form, or several arguments.
    """
    if len(details) == 1 and isinstance(details[0], dict) and details[0].keys() == {"reason", "by"}:
        return _joined([details[0]["reason"]]) or NO_REASON, _joined([details[0]["by"]]) or None
    return _joined(details) or NO_REASON, None


def cancel_arguments(reason: str, by: str | None) -> Any:
    """What `read_cancel` reads: for clients."""
    return {"reason": reason[:MAX_REASON], "by": by[:MAX_REASON]} if by else reason[:MAX_REASON]


def _joined(details: Sequence[Any]) -> str:
    return ", ".join(filter(None, map(_text, details)))[:MAX_REASON]


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return value if isinstance(value, str) else json.dumps(value, default=str)
