"""The sender: empties the outbox in the background, one email after the other."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import uuid4

import aiosmtplib

from ordersaga.services.kit.store import DatabaseUnavailable, Store, Transaction, now
from ordersaga.services.notification import outbox
from ordersaga.services.notification.outbox import Mail, Outcome
from ordersaga.services.notification.smtp import MailServer, send

_log = logging.getLogger(__name__)
_MAX_PAUSE_SECONDS = 3_600.0
_MAX_RECONNECT_SECONDS = 60.0
_STOP_SECONDS = 10.0
_AGAIN_SECONDS = 0.5
_LOOK_SECONDS = 10.0
"""How often to look for emails that other processes have queued and not sent."""
_CLAIM_SECONDS = 8.0
"""If a process reports nothing about an email that it is sending for this long, the sending counts as interrupted."""
_SAY_SECONDS = 2.0


class Sender:
    """Sends due emails if there is a mail server. Without one, they stay in the outbox."""

    def __init__(self, store: Store, server: MailServer | None) -> None:
        self._store = store
        self._server = server
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._stopping = False

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Send until the end of the block. First give up what a dead process left half sent.

        If other processes may be sending, give up only what should have ended by now.
        """
        await self._store.write(self._give_up if self._store.is_shared else outbox.give_up_interrupted)
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
        """Signal that there is a new email."""
        self._wake.set()

    async def idle(self, seconds: float) -> None:
        """Wait until no email is being sent, for at most this long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._idle.wait()

    async def _run(self, server: MailServer) -> None:
        failures = 0
        while not self._stopping:
            self._wake.clear()
            try:
                if self._store.is_shared:
                    await self._store.write(self._give_up)
                pause = await self._seconds_to_next()
                if pause is None or pause > 0:
                    await self._sleep(pause)
                    continue
                await self._deliver(server)
                failures = 0
            except Exception as error:
                failures += 1
                _log.warning("Emails wait: the mail server %s cannot be used: %r", server.host, error)
                await self._sleep(min(2.0 ** (failures - 1), _MAX_RECONNECT_SECONDS))

    async def _deliver(self, server: MailServer) -> None:
        """Send what is due over one connection. After anything but a success, the next email gets a new one."""
        async with server.connection() as smtp:
            while not self._stopping:
                self._idle.clear()
                try:
                    claim = partial(outbox.begin_next, claim=uuid4().hex, until=_in(_CLAIM_SECONDS))
                    mail = await self._store.write(claim)
                    if mail is None or not await self._send(server, smtp, mail):
                        return
                finally:
                    self._idle.set()

    async def _send(self, server: MailServer, smtp: aiosmtplib.SMTP, mail: Mail) -> bool:
        reporting = asyncio.create_task(self._report_sending(mail))
        try:
            outcome = await send(server, smtp, mail)
        except Exception as error:
            _log.exception("The email %s could not be sent", mail.message_id)
            outcome = Outcome("failed", f"The email could not be sent ({error!r}). It is not sent again.", True)
        finally:
            reporting.cancel()
        await self._record_outcome(mail, outcome)
        if outcome.state != "sent":
            _log.warning("The email %s is %s: %s", mail.message_id, outcome.state, outcome.reason)
        return outcome.state == "sent"

    @staticmethod
    async def _give_up(tx: Transaction) -> None:
        await outbox.give_up_interrupted(tx, now())

    async def _report_sending(self, mail: Mail) -> None:
        while True:
            await asyncio.sleep(_SAY_SECONDS)
            with suppress(DatabaseUnavailable):
                await self._store.write(partial(outbox.still_sending, mail=mail, until=_in(_CLAIM_SECONDS)))

    async def _record_outcome(self, mail: Mail, outcome: Outcome) -> None:
        """Record the outcome of an email. It must not be lost, so this is repeated until it succeeds."""
        due = _in(min(2.0 ** (mail.attempts - 1), _MAX_PAUSE_SECONDS))
        while True:
            try:
                await self._store.write(partial(outbox.record_outcome, mail=mail, outcome=outcome, next_attempt_at=due))
                return
            except DatabaseUnavailable as error:
                _log.warning("The outcome of the email %s cannot be stored yet: %s", mail.message_id, error)
                await asyncio.sleep(_AGAIN_SECONDS)

    async def _seconds_to_next(self) -> float | None:
        due = await self._store.read(outbox.next_due)
        return (datetime.fromisoformat(due) - datetime.now(UTC)).total_seconds() if due else None

    async def _sleep(self, seconds: float | None) -> None:
        if self._store.is_shared:
            seconds = min(seconds or _LOOK_SECONDS, _LOOK_SECONDS)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()


def _in(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="microseconds")
