"""The caller of a request: authentication, permissions and rate limit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends
from starlette.exceptions import HTTPException
from starlette.requests import Request

from ordersaga.web.access import LOCAL, Caller, Scope
from ordersaga.web.reads import AppState

QUOTA = "quota"
"""The name of the quota in a request's state, which the response headers are made from."""
_REALM = 'Bearer realm="ordersaga"'


def get_state(request: Request) -> AppState:
    """The application's shared state."""
    state: AppState = request.app.state.ordersaga
    return state


State = Annotated[AppState, Depends(get_state)]


async def caller_of(request: Request, state: State) -> Caller:
    """The caller. Counts the request towards the rate limit of the key, or of the address if there is no valid key."""
    if not state.keys.required:
        await _count(request, state, LOCAL.name)
        return LOCAL
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    caller = state.keys.caller_of(secret.strip()) if scheme.lower() == "bearer" else None
    if caller is None:
        await _count(request, state, f"address {request.client.host if request.client else ''}")
        invalid = ', error="invalid_token"' if scheme else ""
        raise HTTPException(
            401,
            "`Authorization: Bearer` has no valid key. Nothing was done. Create a key with `ordersaga api-key`.",
            {"WWW-Authenticate": _REALM + invalid},
        )
    await _count(request, state, f"key {caller.key}")
    return caller


async def _count(request: Request, state: AppState, subject: str) -> None:
    quota = await state.limiter.hit(subject)
    request.scope.setdefault("state", {})[QUOTA] = quota
    if not quota.allowed:
        raise HTTPException(
            429,
            f"More than {quota.limit} requests in {quota.window} s. Nothing was done. Retry in {quota.reset} s.",
        )


def allowed_to(scope: Scope, *, unbound: bool = False) -> Callable[..., Awaitable[Caller]]:
    """A dependency that returns the caller if it has the scope and, with `unbound`, is not bound to a customer."""

    async def allowed(caller: Annotated[Caller, Depends(caller_of)]) -> Caller:
        if not caller.may(scope):
            raise HTTPException(403, f"This needs a key with the scope {scope}. Nothing was done.")
        if unbound and caller.customer_id is not None:
            raise HTTPException(403, "This needs a key that is not bound to one customer. Nothing was done.")
        return caller

    return allowed


Reader = Annotated[Caller, Depends(allowed_to(Scope.READ))]
Writer = Annotated[Caller, Depends(allowed_to(Scope.WRITE))]
Overseer = Annotated[Caller, Depends(allowed_to(Scope.READ, unbound=True))]
Operator = Annotated[Caller, Depends(allowed_to(Scope.OPERATE, unbound=True))]
