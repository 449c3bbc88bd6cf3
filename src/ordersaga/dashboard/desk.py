"""What the routes work with: who has signed in, and what there is to read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from ordersaga.access import Caller
from ordersaga.access.limiter import Limiter
from ordersaga.dashboard.errors import SignInNeeded
from ordersaga.dashboard.reading import Readings
from ordersaga.dashboard.sessions import Sessions

COOKIE = "ordersaga_session"
TRIES = "10/minute"
"""How often an address may try to sign in."""


@dataclass(frozen=True)
class Desk:
    """The dashboard's own, in the state of the application."""

    readings: Readings
    sessions: Sessions
    tries: Limiter

    def caller(self, request: Request) -> Caller | None:
        """Who asks, if they have signed in and their key is still there."""
        return self.sessions.caller(request.cookies.get(COOKIE, ""))


def desk(request: Request) -> Desk:
    """The desk of this application."""
    found = request.app.state.desk
    assert isinstance(found, Desk)
    return found


def operator(request: Request) -> Caller:
    """Who asks. Raises SignInNeeded."""
    caller = desk(request).caller(request)
    if caller is None:
        raise SignInNeeded
    return caller


TheDesk = Annotated[Desk, Depends(desk)]
Operator = Annotated[Caller, Depends(operator)]
