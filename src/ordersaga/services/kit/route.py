"""A route that reads the usual JSON body itself, and leaves everything else to FastAPI.

Every order makes six calls with a small JSON body. FastAPI reads a body in steps that any kind of request may need;
here pydantic reads it at once. FastAPI reads every body that cannot be read this way, and gives its usual answer.
"""

from __future__ import annotations

from typing import Any, get_type_hints

from fastapi.routing import APIRoute
from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

_JSON = (b"content-type", b"application/json")


class BodyRoute(APIRoute):
    """A route that takes path parameters and one JSON model, and returns a Response.

    Other routes are handled by FastAPI.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._body, self._path = _parameters(self)

    @property
    def reads_body(self) -> bool:
        """Whether this route reads the body itself."""
        return self._body is not None

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request. `scope` must match the route."""
        if self._body is None or scope["method"] not in (self.methods or ()) or _JSON not in scope["headers"]:
            await super().handle(scope, receive, send)
            return
        body = await Request(scope, receive).body()
        try:
            given = {name: kind.validate_python(scope["path_params"][name]) for name, kind in self._path.items()}
            given[self._body[0]] = self._body[1].model_validate_json(body)
        except ValidationError:
            await super().handle(scope, _replay(body), send)
            return
        response = await self.endpoint(**given)
        await response(scope, receive, send)


def _parameters(route: APIRoute) -> tuple[tuple[str, type[BaseModel]] | None, dict[str, TypeAdapter[Any]]]:
    """The body parameter with its model, and the path parameters. No body if FastAPI has to read the request."""
    wants = route.dependant
    others = (wants.query_params, wants.header_params, wants.cookie_params, wants.dependencies)
    hints = get_type_hints(route.endpoint, include_extras=True)
    bodies = [(each.name, hints[each.name]) for each in wants.body_params]
    fits = len(bodies) == 1 and _is_a(BaseModel, bodies[0][1]) and _is_a(Response, hints.get("return"))
    if any(others) or not fits:
        return None, {}
    return bodies[0], {each.name: TypeAdapter(hints[each.name]) for each in wants.path_params}


def _is_a(kind: type, hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, kind)


def _replay(body: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive
