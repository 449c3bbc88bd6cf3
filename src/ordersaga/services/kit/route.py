"""A route that reads what is usually sent by itself, and leaves everything else to FastAPI.

Every order makes six calls with a small JSON body. FastAPI reads such a body by steps that any request may need; here
pydantic reads it at once. What cannot be read so, for whatever reason, FastAPI reads again, and answers as always.
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
    """Takes the path's parameters and one model as JSON, and returns a Response. Any other route is FastAPI's own."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._body, self._path = _parameters(self)

    @property
    def reads_body(self) -> bool:
        """Whether it reads the body by itself."""
        return self._body is not None

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request. `scope` is one that the route matches."""
        if self._body is None or scope["method"] not in (self.methods or ()) or _JSON not in scope["headers"]:
            await super().handle(scope, receive, send)
            return
        body = await Request(scope, receive).body()
        try:
            given = {name: kind.validate_python(scope["path_params"][name]) for name, kind in self._path.items()}
            given[self._body[0]] = self._body[1].model_validate_json(body)
        except ValidationError:
            await super().handle(scope, _once_more(body), send)
            return
        response = await self.endpoint(**given)
        await response(scope, receive, send)


def _parameters(route: APIRoute) -> tuple[tuple[str, type[BaseModel]] | None, dict[str, TypeAdapter[Any]]]:
    """The parameter for the body with its model, and those of the path; no body if FastAPI has to read the request."""
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


def _once_more(body: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive
