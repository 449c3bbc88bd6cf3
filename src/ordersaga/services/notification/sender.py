"""The sender: empties the outbox in the background, one mail after the other."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import uuid4

import aiosmtplib

from ordersaga.services.kit.store import BooksUnavailable, Store, Transaction, now
from ordersaga.services.notification import outbox
from ordersaga.services.notification.outbox import Mail, Outcome
from ordersaga.services.notification.smtp import MailServer, send

_log = logging.getLogger(__name__)
_LONGEST_PAUSE_SECONDS = 3_600.0
_LONGEST_RECONNECT_SECONDS = 60.0
_STOP_SECONDS = 10.0
_AGAIN_SECONDS = 0.5
_LOOK_SECONDS = 10.0
"""How often to look for what other processes have put into the outbox and not sent."""
_CLAIM_SECONDS = 8.0
"""A mail whose process has said for so long nothing more of its sending is taken for cut off."""
_SAY_SECONDS = 2.0


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
        """Send until the end of the block. What a dead process left half sent is given up first.

        Where other processes may be sending, that is what should have ended by now.
        """
        await self._store.write(self._give_up if self._store.shared else outbox.give_up_interrupted)
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
                if self._store.shared:
                    await self._store.write(self._give_up)
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
                    claim = partial(outbox.begin_next, claim=uuid4().hex, until=_in(_CLAIM_SECONDS))
                    mail = await self._store.write(claim)
                    if mail is None or not await self._send(server, smtp, mail):
                        return
                finally:
                    self._idle.set()

    async def _send(self, server: MailServer, smtp: aiosmtplib.SMTP, mail: Mail) -> bool:
        saying = asyncio.create_task(self._say_still_sending(mail))
        try:
            outcome = await send(server, smtp, mail)
        except Exception as error:
            _log.exception("The mail %s could not be sent", mail.message_id)
            outcome = Outcome("failed", f"The mail could not be sent ({error!r}). It is not sent again.", True)
        finally:
            saying.cancel()
        await self._record_outcome(mail, outcome)
        if outcome.state != "sent":
            _log.warning("The mail %s is %s: %s", mail.message_id, outcome.state, outcome.reason)
        return outcome.state == "sent"

    @staticmethod
    async def _give_up(tx: Transaction) -> None:
        await outbox.give_up_interrupted(tx, now())

    async def _say_still_sending(self, mail: Mail) -> None:
        while True:
            await asyncio.sleep(_SAY_SECONDS)
            with suppress(BooksUnavailable):
                await self._store.write(partial(outbox.still_sending, mail=mail, until=_in(_CLAIM_SECONDS)))

    async def _record_outcome(self, mail: Mail, outcome: Outcome) -> None:
        """Write down what became of a mail. That must not be lost, so it is tried until it can be written."""
        due = _in(min(2.0 ** (mail.attempts - 1), _LONGEST_PAUSE_SECONDS))
        while True:
            try:
                await self._store.write(partial(outbox.record_outcome, mail=mail, outcome=outcome, next_attempt_at=due))
                return
            except BooksUnavailable as error:
                _log.warning("What became of the mail %s cannot be written yet: %s", mail.message_id, error)
                await asyncio.sleep(_AGAIN_SECONDS)

    async def _seconds_to_next(self) -> float | None:
        due = await self._store.read(outbox.next_due)
        return (datetime.fromisoformat(due) - datetime.now(UTC)).total_seconds() if due else None

    async def _sleep(self, seconds: float | None) -> None:
        if self._store.shared:
            seconds = min(seconds or _LOOK_SECONDS, _LOOK_SECONDS)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()


def _in(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="microseconds")
