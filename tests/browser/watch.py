"""What must never happen on a page, whatever is done with it: listened for all the time."""

from __future__ import annotations

from urllib.parse import urlsplit

from playwright.async_api import BrowserContext, ConsoleMessage, Dialog, Request, WebError

from ordersaga.web.access.browsers import is_loopback

_NOT_SENT = ("data", "blob", "about")


class Watch:
    """Collects complaints: errors and warnings of the console, which refused scripts and styles are among, failures of
    scripts, dialogs, and requests that leave the machine."""

    def __init__(self) -> None:
        self.complaints: list[str] = []
        self._expected: list[str] = []

    def over(self, context: BrowserContext) -> None:
        """Listen to all its pages."""
        context.on("console", self._console)
        context.on("weberror", self._error)
        context.on("dialog", self._dialog)
        context.on("request", self._request)

    def expect(self, *texts: str) -> None:
        """Complaints with these texts in them are none: the browser tells of an answer such as 403 in its console."""
        self._expected += texts

    @property
    def unexpected(self) -> list[str]:
        """What nobody has expected."""
        return [each for each in self.complaints if not any(text in each for text in self._expected)]

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            where = message.location.get("url", "") if message.location else ""
            self.complaints.append(f"console {message.type}: {message.text} ({where})")

    def _error(self, error: WebError) -> None:
        self.complaints.append(f"a script failed: {error.error}")

    async def _dialog(self, dialog: Dialog) -> None:
        self.complaints.append(f"a dialog opened: {dialog.message}")
        await dialog.dismiss()

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in _NOT_SENT and not is_loopback(parts.hostname or ""):
            self.complaints.append(f"a request to elsewhere: {request.url}")
