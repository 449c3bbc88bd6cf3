"""Monitors pages for what must never happen on them, whatever a test does."""

from __future__ import annotations

from urllib.parse import urlsplit

from playwright.async_api import BrowserContext, ConsoleMessage, Dialog, Request, WebError

from ordersaga.web.access.browsers import is_loopback

_NOT_SENT = ("data", "blob", "about")


class Watch:
    """Collects console errors and warnings, script failures, dialogs, and requests that leave the machine."""

    def __init__(self) -> None:
        self.complaints: list[str] = []
        self._expected: list[str] = []

    def over(self, context: BrowserContext) -> None:
        """Monitor all its pages."""
        context.on("console", self._console)
        context.on("weberror", self._error)
        context.on("dialog", self._dialog)
        context.on("request", self._request)

    def expect(self, *texts: str) -> None:
        """Ignore complaints with these texts: the browser reports answers such as 403 in its console."""
        self._expected += texts

    @property
    def unexpected(self) -> list[str]:
        """The complaints that were not expected."""
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
