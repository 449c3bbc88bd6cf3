"""The sender: empties the outbox in the background, one mail after the other."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial

import aiosmtplib

from ordersaga.services.kit.store import Store
from ordersaga.services.notification import outbox
from ordersaga.services.notification.outbox import Mail, Outcome
from ordersaga.services.notification.smtp import MailServer, send

_log = logging.getLogger(__name__)
_LONGEST_PAUSE_SECONDS = 3_600.0
_LONGEST_RECONNECT_SECONDS = 60.0
_STOP_SECONDS = 10.0


class Sender:
    """Sends what is due, if there is a mail server; without one the mails stay in the outbox."""

    def __init__(self, store: Store, server: MailServer | None) -> None:
        self._store = store
        self._server = server
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._stopping = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Send until the end of the block. What a dead process left half sent is settled first."""
        await self._store.write(outbox.settle_interrupted)
        self._stopping = False
        self._idle.set()
        task = asyncio.create_task(self._run(self._server), name="mail sender") if self._server else None
        try:
            yield
        finally:
            self._stopping = True
            self._wake.set()
            if task:
                await asyncio.wait([task], timeout=_STOP_SECONDS)
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    def wake(self) -> None:
        """Say that there is a new mail."""
        self._wake.set()

    async def idle(self, seconds: float) -> None:
        """Wait until no mail is being sent, but not longer than this."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._idle.wait()

    async def _run(self, server: MailServer) -> None:
        failures = 0
        while not self._stopping:
            self._wake.clear()
            try:
                pause = await self._seconds_to_next()
                if pause is None or pause > 0:
                    await self._sleep(pause)
                    continue
                await self._deliver(server)
                failures = 0
            except Exception as error:
                failures += 1
                _log.warning("Mail waits: the server %s cannot be used: %r", server.host, error)
                await self._sleep(min(2.0 ** (failures - 1), _LONGEST_RECONNECT_SECONDS))

    async def _deliver(self, server: MailServer) -> None:
        """Send what is due over one connection. After anything but a success the next mail gets a new one."""
        async with server.connection() as smtp:
            while not self._stopping:
                self._idle.clear()
                try:
                    mail = await self._store.write(outbox.begin_next)
                    if mail is None or not await self._send(server, smtp, mail):
                        return
                finally:
                    self._idle.set()

    async def _send(self, server: MailServer, smtp: aiosmtplib.SMTP, mail: Mail) -> bool:
        try:
            outcome = await send(server, smtp, mail)
        except Exception as error:
            _log.exception("The mail %s could not be sent", mail.message_id)
            outcome = Outcome("failed", f"The mail could not be sent ({error!r}). It is not sent again.", True)
        pause = min(2.0 ** (mail.attempts - 1), _LONGEST_PAUSE_SECONDS)
        due = (datetime.now(UTC) + timedelta(seconds=pause)).isoformat(timespec="microseconds")
        await self._store.write(
            partial(outbox.settle, message_id=mail.message_id, outcome=outcome, next_attempt_at=due)
        )
        if outcome.state != "sent":
            _log.warning("The mail %s is %s: %s", mail.message_id, outcome.state, outcome.reason)
        return outcome.state == "sent"

    async def _seconds_to_next(self) -> float | None:
        due = await self._store.read(outbox.next_due)
        return (datetime.fromisoformat(due) - datetime.now(UTC)).total_seconds() if due else None

    async def _sleep(self, seconds: float | None) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()
