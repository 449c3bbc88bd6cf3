"""The shared HTTP client. A call returns an answer of the contract, raises a typed refusal, or raises ServiceFault."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import TypeVar

import aiohttp
from pydantic import BaseModel, ValidationError

from ordersaga.contracts.common import Page, Problem
from ordersaga.domain.errors import (
    Fenced,
    IdempotencyMismatch,
    NotYours,
    ServiceError,
    ServiceFault,
    ServiceUnavailable,
)

T = TypeVar("T", bound=BaseModel)

MAX_ANSWER_BYTES = 1 << 20
MAX_PAGE_BYTES = 64 << 20
MAX_TEXT = 4_000
"""The maximum length of a refusal's text. The text goes into the order's history several times."""
LONGEST_RETRY_AFTER = 60.0
BOOKS_TIMEOUT = 30.0

_ALWAYS_POSSIBLE: tuple[type[ServiceError], ...] = (NotYours, Fenced, IdempotencyMismatch)


def open_session() -> aiohttp.ClientSession:
    """Open a session for all services: one per process, so that connections are reused. The caller closes it."""
    connector, no_cookies = aiohttp.TCPConnector(limit=200), aiohttp.DummyCookieJar()
    return aiohttp.ClientSession(connector=connector, cookie_jar=no_cookies, auto_decompress=False)


class ServiceHttp:
    """One service at a base URL, called through a shared session."""

    def __init__(self, session: aiohttp.ClientSession, name: str, base_url: str) -> None:
        self.name = name
        self.base_url = base_url.rstrip("/")
        self._session = session

    async def call(
        self,
        method: str,
        path: str,
        body: BaseModel | None,
        answers: Mapping[int, type[T]],
        *,
        timeout: float,
        refusals: tuple[type[ServiceError], ...] = (),
        owner: str = "",
        max_bytes: int = MAX_ANSWER_BYTES,
    ) -> T:
        """Call the service, and return its answer as the type in `answers` for its status. Reads at most `max_bytes`.

        An undo names its `owner` in the query. Raises one of `refusals`, NotYours, Fenced or IdempotencyMismatch if
        status and problem type match. Raises ServiceFault for everything else: no answer within `timeout` seconds,
        another status, or a body that does not match the contract.
        """
        query = {"owner": owner} if owner else None
        status, headers, content = await self._exchange(method, path, body, timeout, max_bytes, query)
        description = f"{self.name} answered {status} to {method} {path}"
        expected = answers.get(status)
        if expected is not None:
            return self._read(expected, content, description)
        problem = _problem(content)
        for no in (*refusals, *_ALWAYS_POSSIBLE):
            if status == no.http_status and problem.type == no.problem_type:
                raise no(problem.detail or None)
        detail = f": {problem.detail or problem.title}" if problem.detail or problem.title else ""
        raise ServiceFault(f"{description}{detail}", _retry_after(headers))

    async def rows(self, path: str, row: type[T], **filters: str) -> AsyncIterator[T]:
        """Yield all rows of one of the service's lists. Raises ServiceUnavailable if they cannot be read."""
        cursor: str | None = None
        while True:
            query = filters | ({"cursor": cursor} if cursor else {})
            try:
                status, _, content = await self._exchange("GET", path, None, BOOKS_TIMEOUT, MAX_PAGE_BYTES, query)
                if status != 200:
                    raise ServiceFault(f"{self.name} answered {status} to GET {path}")
                page = self._read(Page[row], content, f"GET {path} at {self.name}")  # type: ignore[valid-type]
            except ServiceFault as fault:
                raise ServiceUnavailable(
                    f"The {self.name} service's records at {self.base_url} cannot be read: {fault}. Nothing was "
                    "changed. Is it running? `ordersaga up` or `ordersaga services` starts it."
                ) from None
            for item in page.items:
                yield item
            cursor = page.next
            if cursor is None:
                return

    async def _exchange(
        self,
        method: str,
        path: str,
        body: BaseModel | None,
        timeout: float,
        max_bytes: int,
        query: Mapping[str, str] | None = None,
    ) -> tuple[int, Mapping[str, str], bytes]:
        data = None if body is None else body.model_dump_json().encode()
        headers = {"content-type": "application/json"} if data else {}
        description = f"{method} {path}"
        try:
            async with self._session.request(
                method,
                self.base_url + path,
                params=query,
                data=data,
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=timeout),
                allow_redirects=False,
            ) as response:
                content = await self._read_at_most(response, max_bytes, description)
                return response.status, response.headers, content
        except TimeoutError:
            raise ServiceFault(f"{self.name} did not answer {description} within {timeout:.3g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise ServiceFault(
                f"the connection to {self.name} failed during {description}: {error or type(error).__name__}"
            ) from None

    async def _read_at_most(self, response: aiohttp.ClientResponse, max_bytes: int, description: str) -> bytes:
        chunks, size = [], 0
        async for chunk in response.content.iter_any():
            size += len(chunk)
            if size > max_bytes:
                raise ServiceFault(f"{self.name} answered {description} with more than {max_bytes:,} bytes")
            chunks.append(chunk)
        return b"".join(chunks)

    def _read(self, model: type[T], content: bytes, description: str) -> T:
        try:
            return model.model_validate_json(content or b"{}")
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"])) or "body"
            raise ServiceFault(f"{description} with a body that breaks its contract: {where}: {first['msg']}") from None


def _problem(content: bytes) -> Problem:
    try:
        found = Problem.model_validate_json(content)
    except ValidationError:
        return Problem()
    return found.model_copy(update={"title": found.title[:MAX_TEXT], "detail": found.detail[:MAX_TEXT]})


def _retry_after(headers: Mapping[str, str]) -> float | None:
    value = headers.get("Retry-After", "")
    return min(float(value), LONGEST_RETRY_AFTER) if value.isascii() and value.isdigit() else None
