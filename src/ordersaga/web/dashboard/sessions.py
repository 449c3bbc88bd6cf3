"""Sign-in sessions, kept in memory. A session ends with the process, after some hours, or when its key is revoked."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass
from time import monotonic

from ordersaga.web.access import LOCAL, Caller, KeyRing, Scope

HOURS = 12
MAX_SESSIONS = 1_000


@dataclass(frozen=True, slots=True)
class _Session:
    caller: Caller
    until: float


class Sessions:
    """Sessions by their random ids. If there are more than `MAX_SESSIONS`, the oldest end."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys
        self._sessions: OrderedDict[str, _Session] = OrderedDict()

    def begin(self, secret: str) -> str | None:
        """Sign in with a key. Returns the id of a new session, or None if the key is not an operator key."""
        caller = self._keys.caller_of(secret)
        if caller is None or not caller.may(Scope.OPERATE) or caller.customer_id is not None:
            return None
        name = secrets.token_urlsafe(32)
        self._sessions[name] = _Session(caller, monotonic() + HOURS * 3_600)
        while len(self._sessions) > MAX_SESSIONS:
            self._sessions.popitem(last=False)
        return name

    def caller(self, name: str) -> Caller | None:
        """The caller that this session belongs to, or None. Without keys, everybody is the local caller."""
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
