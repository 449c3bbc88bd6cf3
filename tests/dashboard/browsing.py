"""A browser without JavaScript: pages and their forms."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import unescape
from urllib.parse import urlencode

from tests.api.harness import Answer, Api

FORM = "application/x-www-form-urlencoded"


@dataclass
class Browser:
    """Requests pages as a browser does, and keeps its cookies."""

    api: Api
    cookies: dict[str, str] = field(default_factory=dict)

    async def get(self, path: str, **headers: str) -> Answer:
        """A page."""
        return self._keep(await self.api.get(path, accept="text/html", **self._cookie(), **headers))

    async def post(self, path: str, fields: Mapping[str, str | list[str]], **headers: str) -> Answer:
        """Send a form from one of the site's own pages, unless the headers say otherwise."""
        sent = {"accept": "text/html", "content_type": FORM, "origin": self.api.url, **self._cookie(), **headers}
        return self._keep(await self.api.call("POST", path, raw=urlencode(fields, doseq=True).encode(), **sent))

    def _cookie(self) -> dict[str, str]:
        return {"cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}

    def _keep(self, answer: Answer) -> Answer:
        found = re.match(r'(\w+)="?([^";]*)"?(.*)', answer.headers.get("set-cookie", ""))
        if found:
            self.cookies[found[1]] = found[2]
        return answer


def words_of(html: str) -> str:
    """The text of a page, without its markup."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", html.partition("<main")[2])))


def forms_of(html: str) -> list[str]:
    """The names of the forms on an order's page, without the form for notes, which is always there."""
    return [name for name in re.findall(r'name="form" value="([^"]*)"', html) if name != "note"]
