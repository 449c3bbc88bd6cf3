"""Who has signed in: sessions in this process's memory, gone with it, after a time, or with their key."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass
from time import monotonic

from ordersaga.web.access import LOCAL, Caller, KeyRing, Scope

HOURS = 12
MOST = 1_000


@dataclass(frozen=True, slots=True)
class _Session:
    caller: Caller
    until: float


class Sessions:
    """Sessions by their random ids. Of more than `MOST`, the oldest end."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys
        self._sessions: OrderedDict[str, _Session] = OrderedDict()

    def begin(self, secret: str) -> str | None:
        """Sign in with a key: the id of a new session, or None if it is no operator's key."""
        caller = self._keys.caller_of(secret)
        if caller is None or not caller.may(Scope.OPERATE) or caller.customer_id is not None:
            return None
        name = secrets.token_urlsafe(32)
        self._sessions[name] = _Session(caller, monotonic() + HOURS * 3_600)
        while len(self._sessions) > MOST:
            self._sessions.popitem(last=False)
        return name

    def caller(self, name: str) -> Caller | None:
        """Who works in this session. Where no keys are asked for, it is whoever is there."""
        if not self._keys.required:
            return LOCAL
        session = self._sessions.get(name)
        if session is None:
            return None
        if monotonic() < session.until and self._keys.still_valid(session.caller):
            return session.caller
        self.end(name)
        return None

    def end(self, name: str) -> None:
        """Sign out."""
        self._sessions.pop(name, None)
