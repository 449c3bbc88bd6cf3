"""A client for the tests. It checks every answer against what all services promise."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any, NamedTuple

import aiohttp
from yarl import URL

Json = dict[str, Any]
PROGRESS_SECONDS = 15.0
MAX_PAGES = 1_000


class Answer(NamedTuple):
    """What a service answered."""

    status: int
    body: Any = None

    @property
    def type(self) -> str | None:
        """The type of the problem, if it is one."""
        return str(self.body["type"]) if self.status >= 400 else None


class Away(Exception):
    """The service reports correctly that its database is down: 503 with Retry-After."""


class Api:
    """The services at one URL. Paths are sent as they are: percent signs are the caller's.

    With `patient`, the client retries while a service reports that its database is down, and counts these answers in
    `aways`.
    """

    def __init__(self, http: aiohttp.ClientSession, url: str, patient: bool = False) -> None:
        self._http = http
        self._url = url
        self._patient = patient
        self.aways = 0

    async def ask(self, method: str, path: str, body: Any = None, **options: Any) -> Answer:
        """Send a request, and retry it if the client is patient."""
        deadline = time.monotonic() + PROGRESS_SECONDS * (4 if self._patient else 1)
        while True:
            try:
                return await self._ask_until_ended(method, path, body, deadline, **options)
            except Away:
                self.aways += 1
                if not self._patient or time.monotonic() > deadline:
                    raise
            await asyncio.sleep(0.05)

    async def _ask_until_ended(self, method: str, path: str, body: Any, deadline: float, **options: Any) -> Answer:
        while (answer := await self.ask_once(method, path, body, **options)).type == "InProgress":
            assert time.monotonic() < deadline, f"{method} {path} stays in progress"
            await asyncio.sleep(0.05)
        return answer

    async def ask_once(self, method: str, path: str, body: Any = None, **options: Any) -> Answer:
        """Send a request once. A server error, or an error without problem+json, fails the test."""
        url = URL(self._url + path, encoded=True)
        async with self._http.request(method, url, json=body, **options) as response:
            text = await response.read()
            if response.status < 400:
                return Answer(response.status, json.loads(text) if text else None)
            return _problem(response, text)

    async def get(self, path: str) -> Answer:
        """GET."""
        return await self.ask("GET", path)

    async def post(self, path: str, body: Any = None) -> Answer:
        """POST as JSON."""
        return await self.ask("POST", path, body)

    async def put(self, path: str, body: Any) -> Answer:
        """PUT as JSON."""
        return await self.ask("PUT", path, body)

    async def load(self, **stock: int) -> None:
        """Set the total stock of each SKU."""
        answer = await self.put("/inventory/stock", stock)
        assert answer.status == 200, answer

    async def stock(self, sku: str) -> Json:
        """The stock of one SKU."""
        answer = await self.get(f"/inventory/stock/{sku}")
        assert answer.status == 200, answer
        return dict(answer.body)

    async def books(self, collection: str, **filters: str) -> list[Json]:
        """All rows of a collection such as /payment/payments, read in pages."""
        rows: list[Json] = []
        for _ in range(MAX_PAGES):
            answer = await self.get(f"{collection}?{URL.build(query=filters).raw_query_string}")
            assert answer.status == 200, answer
            assert set(answer.body) == {"items", "next"}
            rows += answer.body["items"]
            if answer.body["next"] is None:
                return rows
            filters["cursor"] = answer.body["next"]
        raise AssertionError(f"{collection} has no last page")


def _problem(response: aiohttp.ClientResponse, text: bytes) -> Answer:
    message = f"{response.method} {response.url}: {response.status} {text[:500]!r}"
    assert response.status < 500 or response.status == 503, message
    assert response.content_type == "application/problem+json", message
    problem = json.loads(text)
    assert isinstance(problem["type"], str), message
    assert problem["type"], message
    assert problem["status"] == response.status, message
    assert problem["detail"] or problem["title"], message
    if problem["type"] == "InProgress" or response.status == 503:
        assert int(response.headers["Retry-After"]) >= 0, message
    if response.status == 503:
        raise Away(message)
    return Answer(response.status, problem)
