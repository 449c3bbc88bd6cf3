"""What a service answers: a status and JSON text, ready to be stored in the fence and to be sent."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel
from starlette.responses import Response

from ordersaga.domain.errors import InProgress, ServiceError
from ordersaga.services.kit.store import Work

PROBLEM_JSON = "application/problem+json"
RETRY_AFTER_SECONDS = 1


@dataclass(frozen=True, slots=True)
class Answer:
    """A yes or a recorded no. A no (status 400 and above) is a problem document of RFC 9457.

    `last` is what remains to be done in the transaction when the answer is stored: what many wait for is held shortest.
    """

    status: int
    body: str = ""
    last: Work[None] | None = field(default=None, compare=False)

    @property
    def is_yes(self) -> bool:
        """Whether the asked thing took effect."""
        return self.status < 400

    @property
    def stored(self) -> str:
        """The answer as one text for the fence; `restore` reads it."""
        return f"{self.status} {self.body}"

    @classmethod
    def restore(cls, stored: str) -> Answer:
        """The answer that was stored as this text."""
        status, _, body = stored.partition(" ")
        return cls(int(status), body)

    def response(self) -> Response:
        """The answer as an HTTP response."""
        media_type = PROBLEM_JSON if not self.is_yes else "application/json" if self.body else None
        return Response(self.body, self.status, media_type=media_type)


def reply(model: BaseModel, status: int = 200) -> Answer:
    """A yes."""
    return Answer(status, model.model_dump_json())


def no_content() -> Answer:
    """A yes that needs no words: 204."""
    return Answer(204)


def refusal(error: ServiceError, **members: Any) -> Answer:
    """A no, with further members of its problem document, such as the shortages."""
    kind = type(error)
    title = (kind.__doc__ or "").strip().split(". ")[0].rstrip(".")
    return problem(kind.problem_type, kind.http_status, title, str(error), **members)


def problem(kind: str, status: int, title: str, detail: str, **members: Any) -> Answer:
    """A problem document. Its text is ASCII, so that whatever it quotes can be sent."""
    return Answer(status, json.dumps({"type": kind, "title": title, "status": status, "detail": detail, **members}))


def error_response(error: ServiceError) -> Response:
    """The response to a request that ended by this error."""
    response = refusal(error).response()
    if isinstance(error, InProgress):
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response
