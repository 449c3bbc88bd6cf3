"""The URL of a PostgreSQL database: parsing it, showing it without its password, and explaining connection errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

import asyncpg

from ordersaga.domain.errors import OrdersagaError, SettingsError
from ordersaga.settings import shown_database

DEFAULT_POOL_SIZE = 8
_MAX_POOL_SIZE = 100
_POOL_SIZE = "pool_size"
CONNECT_SECONDS = 5.0

_WHAT_TO_DO: list[tuple[type[Exception], str]] = [
    (asyncpg.InvalidAuthorizationSpecificationError, "Check the user name and the password in ORDERSAGA_DATABASE_URL."),
    (asyncpg.InvalidCatalogNameError, "Create the database, or name another in ORDERSAGA_DATABASE_URL."),
    (
        asyncpg.InsufficientPrivilegeError,
        "Give the role the right to create schemas (GRANT CREATE ON DATABASE … TO …), or make it their owner.",
    ),
    (OSError, "Start it, or set ORDERSAGA_DATABASE_URL to one that runs."),
    (asyncpg.CannotConnectNowError, "Wait until it has started."),
]


@dataclass(frozen=True, slots=True)
class PostgresUrl:
    """A database URL without our own parameters. `shown` has no password."""

    dsn: str
    shown: str
    secrets: tuple[str, ...]
    pool_size: int

    @classmethod
    def parse(cls, url: str) -> PostgresUrl:
        """Parse postgresql://user:password@host:port/database?pool_size=8. Raises SettingsError."""
        shown = shown_database(url)
        try:
            parts = urlsplit(url)
            port_is_a_number = parts.port is None or parts.port > 0
            query = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
            pool_size = int(query.pop(_POOL_SIZE, DEFAULT_POOL_SIZE))
        except ValueError:
            raise _unreadable(shown) from None
        database = parts.path.removeprefix("/")
        if not port_is_a_number or not 1 <= pool_size <= _MAX_POOL_SIZE or not database or "/" in database:
            raise _unreadable(shown)
        dsn = urlunsplit(parts._replace(query=urlencode(query)))
        secrets = {query.get("password", ""), parts.password or "", unquote(parts.password or "")} - {""}
        return cls(dsn, shown, tuple(secrets), pool_size)

    def options(self, schema: str) -> dict[str, Any]:
        """The options of every connection of the service with this schema."""
        settings = {
            "search_path": schema,
            "application_name": f"ordersaga {schema}",
            "statement_timeout": "10s",
            "lock_timeout": "5s",
            "idle_in_transaction_session_timeout": "15s",
        }
        return {"dsn": self.dsn, "timeout": CONNECT_SECONDS, "command_timeout": 15.0, "server_settings": settings}

    def unusable(self, error: Exception) -> OrdersagaError:
        """The error to raise at the start if the database cannot be used."""
        advice = next((text for kind, text in _WHAT_TO_DO if isinstance(error, kind)), "See docs/how-to/postgresql.md.")
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        for secret in self.secrets:
            reason = reason.replace(secret, "***")
        return OrdersagaError(f"The database {self.shown} cannot be used ({reason}). Nothing was started. {advice}")


def _unreadable(shown: str) -> SettingsError:
    return SettingsError(
        f"ORDERSAGA_DATABASE_URL cannot be read: {shown}. It must look like postgresql://user:password@host:5432/name, "
        f"with % codes for special characters, and may end with ?{_POOL_SIZE}= and 1 to {_MAX_POOL_SIZE}. "
        "Nothing was started."
    )
