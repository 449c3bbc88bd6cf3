"""Sends one email over SMTP, and classifies the mail server's answers."""

from __future__ import annotations

from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.utils import formatdate, parseaddr
from urllib.parse import unquote, urlsplit

import aiosmtplib

from ordersaga.domain.errors import SettingsError
from ordersaga.services.notification.outbox import Mail, Outcome, is_mail_address

MAX_ATTEMPTS = 20
"""How often an email that the server defers is tried. With the pauses between attempts, this takes most of a day."""

_TIMEOUT_SECONDS = 30.0
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")
_DEFAULT_PORTS = {"smtp": 25, "smtps": 465}


@dataclass(frozen=True, slots=True)
class MailServer:
    """The mail server, and the sender of our emails."""

    host: str
    port: int
    tls: bool
    username: str | None
    password: str | None
    mail_from: str

    @classmethod
    def parse(cls, smtp_url: str, mail_from: str) -> MailServer:
        """Parse smtp://user:password@host:25, or smtps:// for TLS from the start. Raises SettingsError."""
        try:
            url = urlsplit(smtp_url)
            port = url.port or _DEFAULT_PORTS[url.scheme]
        except (ValueError, KeyError):
            url, port = urlsplit(""), 0
        if not url.hostname:
            raise SettingsError(
                "ORDERSAGA_SMTP_URL must look like smtp://user:password@host:25 or smtps://… Nothing was started."
            )
        if not is_mail_address(parseaddr(mail_from)[1]):
            raise SettingsError(
                f"ORDERSAGA_MAIL_FROM is {mail_from!r}, which is not an email address. Nothing was started."
            )
        username = unquote(url.username) if url.username else None
        password = unquote(url.password) if url.password else None
        return cls(url.hostname, port, url.scheme == "smtps", username, password, mail_from)

    def connection(self) -> aiosmtplib.SMTP:
        """A connection that is not open yet. With smtp://, it switches to TLS if the server offers it.

        A password is sent over TLS only, or stays on this machine.
        """
        needs_tls = self.username is not None and not self.tls and self.host not in _THIS_MACHINE
        return aiosmtplib.SMTP(
            hostname=self.host,
            port=self.port,
            use_tls=self.tls,
            start_tls=True if needs_tls else None,
            username=self.username,
            password=self.password,
            timeout=_TIMEOUT_SECONDS,
        )

    def message(self, mail: Mail) -> EmailMessage:
        """The email as a message. Its Message-ID comes from the message_id."""
        message = EmailMessage()
        message["From"] = self.mail_from
        message["To"] = mail.recipient
        message["Subject"] = mail.subject
        message["Date"] = formatdate()
        message["Message-ID"] = f"<{mail.message_id}@{self._domain}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(mail.body)
        return message

    @property
    def sender(self) -> str:
        """The bare address of the sender."""
        return parseaddr(self.mail_from)[1]

    @property
    def _domain(self) -> str:
        return self.sender.rpartition("@")[2]


async def send(server: MailServer, smtp: aiosmtplib.SMTP, mail: Mail) -> Outcome:
    """Send one email to the server."""
    if not is_mail_address(mail.recipient):
        return Outcome("failed", f"{mail.recipient} is not an email address.")
    international = not (mail.recipient + server.sender).isascii()
    headers = policy.SMTPUTF8 if international else policy.SMTP
    content = server.message(mail).as_bytes(policy=headers.clone(cte_type="7bit"))
    try:
        if international and not smtp.supports_extension("smtputf8"):
            return Outcome("failed", "The mail server accepts ASCII addresses only.")
        options = ["SMTPUTF8"] if international else []
        await smtp.mail(server.sender, options=options, encoding="utf-8" if international else "ascii")
        await smtp.rcpt(mail.recipient, encoding="utf-8" if international else "ascii")
    except aiosmtplib.SMTPResponseException as error:
        return _answered(error, mail)
    except (aiosmtplib.SMTPException, OSError) as error:
        return _later(f"The mail server closed the connection ({error}).", mail)
    try:
        await smtp.data(content)
    except aiosmtplib.SMTPDataError as error:
        return _answered(error, mail)
    except (aiosmtplib.SMTPException, OSError) as error:
        return Outcome("failed", f"The mail server's answer was lost ({error}). The email is not sent again.", True)
    return Outcome("sent")


def _answered(error: aiosmtplib.SMTPResponseException, mail: Mail) -> Outcome:
    answer = f"The mail server answered {error.code} {error.message}"
    return _later(answer, mail) if 400 <= error.code < 500 else Outcome("failed", answer)


def _later(reason: str, mail: Mail) -> Outcome:
    if mail.attempts < MAX_ATTEMPTS:
        return Outcome("queued", reason)
    return Outcome("failed", f"{reason} It was tried {mail.attempts} times.")
