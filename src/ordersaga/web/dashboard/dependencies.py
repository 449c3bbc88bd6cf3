"""The dependencies of the routes: the dashboard's state and the signed-in caller."""

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
SIGN_IN_RATE = "10/minute"
"""How often one address may try to sign in."""


@dataclass(frozen=True)
class DashboardState:
    """The dashboard's part of the application's state."""

    readings: Readings
    sessions: Sessions
    sign_in_limiter: Limiter

    def caller(self, request: Request) -> Caller | None:
        """The caller, if they have signed in and their key is still valid."""
        return self.sessions.caller(request.cookies.get(COOKIE, ""))


def dashboard(request: Request) -> DashboardState:
    """The dashboard's state of this application."""
    state = request.app.state.dashboard
    assert isinstance(state, DashboardState)
    return state


def operator(request: Request) -> Caller:
    """The signed-in caller. Raises SignInNeeded."""
    caller = dashboard(request).caller(request)
    if caller is None:
        raise SignInNeeded
    return caller


Dashboard = Annotated[DashboardState, Depends(dashboard)]
Operator = Annotated[Caller, Depends(operator)]
