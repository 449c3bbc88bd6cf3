"""The routes for monitoring: liveness, readiness and metrics."""

from __future__ import annotations

from contextlib import suppress
from typing import Literal

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from ordersaga.domain.errors import Unavailable
from ordersaga.domain.result import Answer
from ordersaga.http.problem import unavailable_response
from ordersaga.web.api.callers import Overseer, State
from ordersaga.web.api.errors import problems
from ordersaga.web.api.metrics import Metrics
from ordersaga.web.api.naming import name_of
from ordersaga.web.reads import Health

router = APIRouter(tags=["health"], generate_unique_id_function=name_of)


class Alive(Answer):
    """The process is running."""

    status: Literal["ok"] = "ok"


class Ready(Health):
    """What is responding. Orders are accepted while Temporal is; they wait for a worker or a service that is not."""

    status: Literal["ready"] = "ready"


_NOT_READY = "`ServiceUnavailable`: Temporal is not responding, so orders cannot be placed. The server keeps retrying."


@router.get("/healthz", response_model=Alive)
async def healthz() -> Alive:
    """Whether the process is running. Checks nothing else."""
    return Alive()


@router.get("/readyz", response_model=Ready, responses={503: problems(503, s503=_NOT_READY)[503]})
async def readyz(state: State) -> Response | Ready:
    """Whether orders can be placed, which needs Temporal. Also reports whether a worker and the services respond."""
    health = (await state.reads.health()).value
    problems = _without_addresses(health) if state.keys.required else health.problems
    if not health.temporal:
        return unavailable_response(" ".join(problems))
    return Ready(**health.model_dump(exclude={"problems"}), problems=problems)


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}, **problems()})
async def metrics(request: Request, _caller: Overseer, state: State) -> Response:
    """Request counts and durations, the worklist and the money at risk, in Prometheus's format."""
    measured: Metrics = request.app.state.metrics
    measured.temporal_up.set((await state.reads.health()).value.temporal)
    with suppress(Unavailable):
        measured.set_worklist((await state.reads.worklist()).value)
    return Response(measured.text(), media_type="text/plain; version=1.0.0; charset=utf-8")


def _without_addresses(health: Health) -> list[str]:
    """The problems without internal addresses, because this route needs no key."""
    silent = [name for name, responds in health.services.items() if not responds]
    return [
        *([] if health.temporal else ["Temporal is not responding. The server keeps retrying."]),
        *(["No worker is running: orders wait until one starts."] if health.temporal and not health.worker else []),
        *(f"The {name} service is not responding." for name in silent),
    ]
