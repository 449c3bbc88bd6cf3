"""API keys: random secrets, each with a caller and its scopes. Only their hashes are stored.

The keys file is TOML, one `[[key]]` table for each key:

    [[key]]
    name = "shop"
    sha256 = "…64 hexadecimal digits…"
    scopes = ["orders:write", "orders:read"]
    customer_id = "customer-1"  # optional: this customer's orders only

Two entries may have the same name. To rotate a key, add a new one, switch the caller to it, and remove the old one.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

import structlog
from pydantic import Field, StringConstraints, ValidationError, model_validator

from ordersaga.domain.errors import SettingsError
from ordersaga.domain.order import Document, describe_problems
from ordersaga.domain.text import Printable

log = structlog.get_logger(__name__)

SECRET_BYTES = 32
"""256 random bits cannot be guessed, so one round of SHA-256 is as safe as a slow hash, and a request costs
microseconds. Slow hashes protect passwords that people choose; these keys are random."""
PREFIX = "osk_"
"""Makes keys recognizable to secret scanners, in case one ends up in a log or a repository."""
_FINGERPRINT = 16


class Scope(StrEnum):
    """What a key allows. No scope implies another."""

    WRITE = "orders:write"
    """Place and cancel orders."""
    READ = "orders:read"
    """Read orders, and the worklist and metrics if the key is bound to no customer."""
    OPERATE = "operate"
    """Decide on orders that need attention, sign in to the dashboard, and set an order's policy."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller of a request. With a `customer_id`, it can access only that customer's orders."""

    name: str
    scopes: frozenset[Scope]
    customer_id: str | None = None
    key: str = ""
    """The start of the key's hash. It distinguishes keys with the same name, and reveals nothing about the secret."""

    def may(self, scope: Scope) -> bool:
        """Whether it has this scope."""
        return scope in self.scopes


LOCAL = Caller("local", frozenset(Scope))
"""Every caller of a server without keys, which serves the loopback interface only."""


class KeyEntry(Document):
    """One entry of the keys file."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]*$", max_length=64)]
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    scopes: Annotated[list[Scope], Field(min_length=1)]
    customer_id: (
        Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=128), Printable] | None
    ) = None

    @model_validator(mode="after")
    def _check_operator_is_unbound(self) -> Self:
        if self.customer_id is not None and Scope.OPERATE in self.scopes:
            raise ValueError("a key with the scope operate covers all customers, so it cannot be bound to one")
        return self

    def toml(self) -> str:
        """The entry as a TOML table, to append to a keys file."""
        fields = self.model_dump(mode="json", exclude_none=True).items()
        # A JSON string without control characters and escapes beyond \" and \\ is a TOML string too.
        return "\n".join(
            ["[[key]]", *(f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in fields), ""]
        )


class _KeysFile(Document):
    key: list[KeyEntry] = []


def new_key(name: str, scopes: Iterable[Scope], customer_id: str | None = None) -> tuple[str, KeyEntry]:
    """Create a key. Returns the secret, to show once and not store, and the entry for the keys file.

    Raises SettingsError if the name, the scopes or the customer are not valid.
    """
    secret = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    try:
        entry = KeyEntry(name=name, sha256=_digest(secret), scopes=sorted(set(scopes)), customer_id=customer_id)
    except ValidationError as error:
        raise SettingsError(f"The key is not valid: {describe_problems(error)}. Nothing was written.") from None
    return secret, entry


def append_key(path: Path, entry: KeyEntry) -> None:
    """Append an entry to the keys file. A missing file is created, readable by its owner only. Raises SettingsError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(0o600)
        before = path.read_text(encoding="utf-8")
        _parse(before, path)
        with path.open("a", encoding="utf-8") as file:
            file.write(("" if not before else "\n" if before.endswith("\n") else "\n\n") + entry.toml())
    except OSError as error:
        raise SettingsError(f"The keys file {path} cannot be written: {error.strerror}. Nothing was written.") from None


class KeyRing:
    """The keys of a file. It is read again when it changes, so that rotating or revoking a key needs no restart.

    If the file is missing or not readable, no key is valid. If it is not valid TOML, as during an edit, the previous
    keys stay valid and an error is logged.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._state: tuple[int, ...] | None = None
        self._callers: dict[str, Caller] = {}

    @classmethod
    def open(cls, path: str | Path | None) -> Self:
        """Read the keys of a file. Without a file, callers need no key. Raises SettingsError if it cannot be read."""
        ring = cls(None if path is None else Path(path))
        if ring.path is not None:
            ring._state = _state(ring.path)
            ring._callers = _read(ring.path)
        return ring

    @property
    def required(self) -> bool:
        """Whether callers need a key."""
        return self.path is not None

    def caller_of(self, secret: str) -> Caller | None:
        """The caller with this key, or None. Comparing hashes leaks nothing about the secret through timing."""
        self._refresh()
        return self._callers.get(_digest(secret))

    def still_valid(self, caller: Caller) -> bool:
        """Whether the caller's key still exists with the same rights."""
        if self.path is None:
            return caller is LOCAL
        self._refresh()
        return caller in self._callers.values()

    def _refresh(self) -> None:
        if self.path is None:
            return
        state = _state(self.path)
        if state == self._state:
            return
        self._state = state
        if state is None:
            self._callers = {}
            log.error("the keys file is missing or not readable; no key is valid now", path=str(self.path))
            return
        try:
            self._callers = _read(self.path)
        except SettingsError as error:
            log.error("the changed keys file is not valid; the previous keys stay valid", problem=str(error))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _state(path: Path) -> tuple[int, ...] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size, found.st_ino) if os.access(path, os.R_OK) else None


def _read(path: Path) -> dict[str, Caller]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"The keys file {path} cannot be read: {error}. Nothing was started.") from None
    return {
        entry.sha256: Caller(entry.name, frozenset(entry.scopes), entry.customer_id, entry.sha256[:_FINGERPRINT])
        for entry in _parse(text, path)
    }


def _parse(text: str, path: Path) -> list[KeyEntry]:
    try:
        return _KeysFile.model_validate(tomllib.loads(text)).key
    except tomllib.TOMLDecodeError as error:
        problem = str(error)
    except ValidationError as error:
        problem = describe_problems(error)
    raise SettingsError(
        f"The keys file {path} is not valid: {problem}. Correct it, or create a new one with `ordersaga api-key`."
    ) from None
