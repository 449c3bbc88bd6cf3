"""The check of the books: made when somebody asks for it, in the background, and shown with its age."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import structlog

from ordersaga.audit.books import Books, check_books
from ordersaga.domain.errors import OrdersagaError
from ordersaga.orders.client import OrderClient

log = structlog.get_logger(__name__)


class BooksCheck:
    """One check at a time, however many ask; the last result stays."""

    def __init__(self) -> None:
        self.running_since: datetime | None = None
        self.found: Books | None = None
        self.found_at: datetime | None = None
        self.problem: str | None = None
        """Why the last check could not be made."""
        self.at: datetime | None = None
        """When the last check ended, however it did."""
        self._task: asyncio.Task[None] | None = None

    def start(self, client: OrderClient) -> None:
        """Begin a check, unless one runs."""
        if self.running_since is None:
            self.running_since = datetime.now(UTC)
            self._task = asyncio.create_task(self._check(client))

    async def close(self) -> None:
        """Give up a check that runs."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _check(self, client: OrderClient) -> None:
        try:
            self.found, self.problem = await check_books(client), None
            self.found_at = datetime.now(UTC)
        except OrdersagaError as error:
            self.problem = str(error)
        except Exception:
            log.exception("the check of the books failed")
            self.problem = "Something went wrong in the check; the log of `ordersaga api` says what."
        finally:
            self.at = datetime.now(UTC)
            self.running_since = None
