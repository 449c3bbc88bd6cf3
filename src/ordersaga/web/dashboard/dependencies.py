"""What the routes work with: who has signed in, and what there is to read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from ordersaga.web.access import Caller
from ordersaga.web.access.limiter import Limiter
from ordersaga.web.dashboard.errors import SignInNeeded
from ordersaga.web.dashboard.reading import Readings
from ordersaga.web.dashboard.sessions import Sessions

COOKIE = "ordersaga_session"
TRIES = "10/minute"
"""How often an address may try to sign in."""


@dataclass(frozen=True)
class DashboardState:
    """The dashboard's own, in the state of the application."""

    readings: Readings
    sessions: Sessions
    tries: Limiter

    def caller(self, request: Request) -> Caller | None:
        """Who asks, if they have signed in and their key is still there."""
        return self.sessions.caller(request.cookies.get(COOKIE, ""))


def dashboard(request: Request) -> DashboardState:
    """The dashboard's state of this application."""
    found = request.app.state.dashboard
    assert isinstance(found, DashboardState)
    return found


def operator(request: Request) -> Caller:
    """Who asks. Raises SignInNeeded."""
    caller = dashboard(request).caller(request)
    if caller is None:
        raise SignInNeeded
    return caller


Dashboard = Annotated[DashboardState, Depends(dashboard)]
Operator = Annotated[Caller, Depends(operator)]
