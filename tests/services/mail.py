"""A real mail server in the test's own event loop, with configurable behavior."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.smtp import SMTP, Envelope, Session

Verdict = Callable[["Mailbox"], Awaitable[str]]


async def accept(_: Mailbox) -> str:
    """Accept every email."""
    return "250 OK"


@dataclass
class Mailbox:
    """The received emails.

    `data` counts the emails that were handed over, accepted or not; `verdict` answers each one.
    """

    verdict: Verdict = accept
    mails: list[EmailMessage] = field(default_factory=list)
    envelopes: list[tuple[str, list[str]]] = field(default_factory=list)
    data: int = 0
    connections: list[SMTP] = field(default_factory=list)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """aiosmtpd calls this when an email is complete."""
        self.data += 1
        self.connections.append(server)
        answer = await self.verdict(self)
        if answer.startswith("250"):
            assert isinstance(envelope.content, bytes)
            mail = message_from_bytes(envelope.content, policy=policy.default)
            assert isinstance(mail, EmailMessage)
            self.mails.append(mail)
            self.envelopes.append((envelope.mail_from or "", list(envelope.rcpt_tos)))
        return answer

    def hang_up(self) -> None:
        """Drop every connection that delivered an email, without an answer."""
        for server in self.connections:
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()


def closed_port() -> socket.socket:
    """A reserved port that refuses connections, like a mail server that is down."""
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    return bound


def port_of(bound: socket.socket) -> int:
    """Its number."""
    return int(bound.getsockname()[1])


@asynccontextmanager
async def mail_server(mailbox: Mailbox, at: socket.socket | None = None) -> AsyncIterator[int]:
    """Run a mail server on a free port or on the `closed_port`; yields its port."""
    loop = asyncio.get_running_loop()
    at = at or closed_port()
    server = await loop.create_server(lambda: SMTP(mailbox, hostname="mail.test", enable_SMTPUTF8=True), sock=at)
    try:
        yield port_of(at)
    finally:
        server.close()
