"""The check of the books. It runs in the background when somebody starts it; its result is shown with its age."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import structlog

from ordersaga.audit.books import Books, check_books
from ordersaga.domain.errors import OrdersagaError
from ordersaga.orders.client import OrderClient

log = structlog.get_logger(__name__)


class BooksCheck:
    """Runs one check at a time, and keeps the last result."""

    def __init__(self) -> None:
        self.running_since: datetime | None = None
        self.result: Books | None = None
        self.result_at: datetime | None = None
        self.problem: str | None = None
        """Why the last check failed; None if it succeeded."""
        self.at: datetime | None = None
        """When the last check ended, whether it succeeded or failed."""
        self._task: asyncio.Task[None] | None = None

    def start(self, client: OrderClient) -> None:
        """Start a check, unless one is running."""
        if self.running_since is None:
            self.running_since = datetime.now(UTC)
            self._task = asyncio.create_task(self._check(client))

    async def close(self) -> None:
        """Abort a running check."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _check(self, client: OrderClient) -> None:
        try:
            self.result, self.problem = await check_books(client), None
            self.result_at = datetime.now(UTC)
        except OrdersagaError as error:
            self.problem = str(error)
        except Exception:
            log.exception("the check of the books failed")
            self.problem = "This is a bug; the log of `ordersaga api` has the details. Nothing was changed."
        finally:
            self.at = datetime.now(UTC)
            self.running_since = None
