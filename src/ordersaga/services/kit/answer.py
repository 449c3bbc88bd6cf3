"""A service's answer: a status and JSON text, ready to be stored in the fence and to be sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel
from starlette.responses import Response

from ordersaga.domain.errors import ServiceError
from ordersaga.http.problem import PROBLEM_JSON, error_text
from ordersaga.services.kit.store import TransactionFn


@dataclass(frozen=True, slots=True)
class Answer:
    """A success or a refusal. A refusal (status 400 and above) is a problem document of RFC 9457.

    `last` is work to do in the transaction after the answer is stored. It holds locks that many others wait for, so
    they are held as briefly as possible.
    """

    status: int
    body: str = ""
    last: TransactionFn[None] | None = field(default=None, compare=False)

    @property
    def is_success(self) -> bool:
        """Whether the request took effect."""
        return self.status < 400

    @property
    def stored(self) -> str:
        """The answer as one text for the fence. `restore` reads it."""
        return f"{self.status} {self.body}"

    @classmethod
    def restore(cls, stored: str) -> Answer:
        """Read an answer from its stored text."""
        status, _, body = stored.partition(" ")
        return cls(int(status), body)

    def response(self) -> Response:
        """The answer as an HTTP response."""
        media_type = PROBLEM_JSON if not self.is_success else "application/json" if self.body else None
        return Response(self.body, self.status, media_type=media_type)


def reply(model: BaseModel, status: int = 200) -> Answer:
    """Build a success."""
    return Answer(status, model.model_dump_json())


def no_content() -> Answer:
    """Build a success without a body: 204."""
    return Answer(204)


def refusal(error: ServiceError, **members: Any) -> Answer:
    """Build a refusal, with further members for its problem document, such as the shortages."""
    return Answer(error.http_status, error_text(error, **members))
