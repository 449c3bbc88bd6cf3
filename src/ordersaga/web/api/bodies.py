"""Reads JSON bodies exactly, and rejects ambiguous ones."""

from __future__ import annotations

import json
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request

from ordersaga.domain.errors import InvalidRequest
from ordersaga.domain.money import json_number
from ordersaga.domain.order import describe_problems

M = TypeVar("M", bound=BaseModel)

_MEDIA_TYPE = "application/json"
_NO_EFFECT = "The request had no effect."


async def object_in(request: Request, *, may_be_missing: bool = False) -> dict[str, Any]:
    """The JSON object in a request's body. Raises InvalidRequest, and HTTPException 413 and 415."""
    raw = await request.body()
    if not raw and may_be_missing:
        return {}
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != _MEDIA_TYPE:
        raise HTTPException(415, f"The body must be sent with Content-Type: {_MEDIA_TYPE}. {_NO_EFFECT}")
    try:
        document = json.loads(
            raw.decode("utf-8"),
            parse_float=json_number,
            parse_constant=_reject_constant,
            object_pairs_hook=_unique_members,
        )
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"The body is not JSON ({str(error)[:200]}). {_NO_EFFECT}") from None
    if not isinstance(document, dict):
        raise InvalidRequest(f"The body is not a JSON object. {_NO_EFFECT}")
    return document


async def model_in(request: Request, model: type[M], *, may_be_missing: bool = False) -> M:
    """The model in a request's body. Raises like object_in."""
    document = await object_in(request, may_be_missing=may_be_missing)
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise InvalidRequest(f"{describe_problems(error)}. {_NO_EFFECT}") from None


def _reject_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not allowed in JSON")


def _unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object, and reject duplicate names: JSON parsers do not agree on which value counts."""
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        duplicate = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{duplicate[:100]!r} occurs more than once")
    return members
