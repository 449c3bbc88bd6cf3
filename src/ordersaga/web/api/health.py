"""Whether the process lives, whether it can work, and what it has done."""

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
    """The process answers."""

    status: Literal["ok"] = "ok"


class Ready(Health):
    """What answers. Orders are taken on while Temporal does; they wait while a worker or a service does not."""

    status: Literal["ready"] = "ready"


_NOT_READY = (
    "`ServiceUnavailable`: Temporal does not answer, so that no order can be placed. It is tried again by itself."
)


@router.get("/healthz", response_model=Alive)
async def healthz() -> Alive:
    """Whether the process answers. It asks nobody else."""
    return Alive()


@router.get("/readyz", response_model=Ready, responses={503: problems(503, s503=_NOT_READY)[503]})
async def readyz(state: State) -> Response | Ready:
    """Whether orders can be placed: Temporal answers. Says whether a worker and the services do, too."""
    health = (await state.overview.health()).value
    problems = _without_addresses(health) if state.keys.required else health.problems
    if not health.temporal:
        return unavailable_response(" ".join(problems))
    return Ready(**health.model_dump(exclude={"problems"}), problems=problems)


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}, **problems()})
async def metrics(request: Request, _caller: Overseer, state: State) -> Response:
    """Requests, their durations, the worklist and the amounts at risk, in Prometheus's format."""
    measured: Metrics = request.app.state.metrics
    measured.temporal_up.set((await state.overview.health()).value.temporal)
    with suppress(Unavailable):
        measured.set_worklist((await state.overview.worklist()).value)
    return Response(measured.text(), media_type="text/plain; version=1.0.0; charset=utf-8")


def _without_addresses(health: Health) -> list[str]:
    """The problems, for whoever asks: nobody needs a key for this, and where things are is the shop's own."""
    silent = [name for name, answers in health.services.items() if not answers]
    return [
        *([] if health.temporal else ["Temporal does not answer. It is tried again by itself."]),
        *(["No worker asks for orders: they wait."] if health.temporal and not health.worker else []),
        *(f"The {name} service does not answer." for name in silent),
    ]
