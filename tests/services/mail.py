"""A real mail server in the test's own event loop, that can be told how to behave."""

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
    """Take every mail."""
    return "250 OK"


@dataclass
class Mailbox:
    """What has arrived. `data` counts the mails that were handed over, taken or not; `verdict` answers each."""

    verdict: Verdict = accept
    mails: list[EmailMessage] = field(default_factory=list)
    envelopes: list[tuple[str, list[str]]] = field(default_factory=list)
    data: int = 0
    connections: list[SMTP] = field(default_factory=list)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """aiosmtpd calls this when a mail is complete."""
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
        """Drop every connection that a mail came over, without a word."""
        for server in self.connections:
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()


def closed_port() -> socket.socket:
    """A port that is ours but refuses connections: a mail server that is down."""
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    return bound


def port_of(bound: socket.socket) -> int:
    """Its number."""
    return int(bound.getsockname()[1])


@asynccontextmanager
async def mail_server(mailbox: Mailbox, at: socket.socket | None = None) -> AsyncIterator[int]:
    """A mail server, on a free port or where `closed_port` has one; gives its port."""
    loop = asyncio.get_running_loop()
    at = at or closed_port()
    server = await loop.create_server(lambda: SMTP(mailbox, hostname="mail.test", enable_SMTPUTF8=True), sock=at)
    try:
        yield port_of(at)
    finally:
        server.close()
