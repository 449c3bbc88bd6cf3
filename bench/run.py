"""One engine in one round: started from nothing, measured in every phase, stopped, and its books checked."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import psutil

from bench import books, history
from bench.engine import Engine, Part
from bench.environment import EngineEnvironment
from bench.load import Outcome, Phase, order_id, orders_of
from bench.meter import Meter, machine_cpu
from bench.stats import middle_rate, percentile
from ordersaga.domain.errors import OrdersagaError

HALF = 0.5
SHOWN_PROBLEMS = 4
LIST_SECONDS = 15.0
"""How long Temporal's list of workflows may be behind."""


@dataclass(frozen=True)
class Sizes:
    """How much is measured: numbers of orders, and the seconds at half load."""

    warm_up: int = 64
    idle: int = 100
    saturation: int = 400
    in_flight: int = 32
    half_seconds: float = 30.0


@dataclass
class EngineRun:
    """The measurements. The names of figures are those of bench.figures; a dot leads to a role or a type."""

    engine: str
    round: int
    figures: dict[str, float] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    settings: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0


class Measurement:
    """A running measurement."""

    def __init__(self, env: EngineEnvironment, sizes: Sizes, run_: EngineRun) -> None:
        assert env.client
        self._env, self._sizes, self._engine_run = env, sizes, run_
        self._client = env.client
        self._meter = Meter(env.roots)
        self._phases: list[Phase] = []

    async def run(self, calls_services: bool) -> None:
        """Run all phases, one after the other."""
        sizes = self._sizes
        await self._phase(Phase("warm", sizes.warm_up, in_flight=min(8, sizes.in_flight)))
        self._latency("idle", await self._phase(Phase("idle", sizes.idle, in_flight=1)))
        rate = await self._saturation()
        orders = max(1, round(HALF * rate * sizes.half_seconds))
        self._latency("half", await self._phase(Phase("half", orders, rate=HALF * rate)))
        if self._env.temporal:
            await self._history()
        if calls_services:
            await self._check_books()
        self._engine_run.problems += [f"{name} died" for name in self._env.deaths()]

    async def _phase(self, phase: Phase) -> Outcome:
        outcome = await self._client.run(phase)
        self._phases.append(phase)
        if outcome.failed:
            self._engine_run.problems.append(
                f"{phase.name}: {outcome.failed} did not complete: {'; '.join(outcome.errors)}"
            )
        return outcome

    def _latency(self, name: str, outcome: Outcome) -> None:
        for percent in (50, 99):
            found = percentile(outcome.latencies, percent)
            if found is not None:
                self._engine_run.figures[f"{name}_p{percent}_ms"] = 1000 * found

    async def _saturation(self) -> float:
        """The orders per second. Also measures CPU, memory and actions."""
        phase = Phase("full", self._sizes.saturation, in_flight=self._sizes.in_flight)
        figures, temporal = self._engine_run.figures, self._env.temporal
        acted = await history.actions(temporal) if temporal else Counter[str]()
        async with self._meter.peak_memory() as peak:
            began, everything = self._meter.cpu(), machine_cpu()
            outcome = await self._phase(phase)
            ended, everything = self._meter.cpu(), machine_cpu() - everything
        figures["orders_per_s"] = middle_rate(outcome.ended, phase.in_flight)
        used = {role: ended[role] - began[role] for role in ended}
        figures |= _each("cpu_ms", used, 1000 / phase.orders)
        cores = psutil.cpu_count() or 1
        figures["others_pct"] = 100 * max(0.0, everything - sum(used.values())) / (outcome.seconds * cores)
        figures |= _each("memory_mb", peak, 1e-6)
        if temporal:
            figures |= _each("actions", (await history.actions(temporal)) - acted, 1 / phase.orders)
        self._engine_run.figures = figures
        return figures["orders_per_s"]

    async def _history(self) -> None:
        assert self._env.temporal
        wanted = [order_id("full", number) for number in range(self._sizes.saturation)]
        runs = await history.ended(self._env.temporal, wanted, LIST_SECONDS)
        known = list(chain.from_iterable(runs.values()))
        self._engine_run.figures["events"] = sum(run.events for run in known) / len(wanted)
        self._engine_run.figures["history_bytes"] = sum(run.size for run in known) / len(wanted)
        if lost := [order for order, found in runs.items() if not found]:
            self._engine_run.problems.append(
                f"Temporal lists no ended workflow for {len(lost)} orders, such as {lost[0]}"
            )

    async def _check_books(self) -> None:
        orders = {order.order_id: order for phase in self._phases for order in orders_of(phase)}
        found = await books.problems(self._env.config.services, orders)
        self._engine_run.problems += [f"books: {problem}" for problem in found[:SHOWN_PROBLEMS]]
        if more := found[SHOWN_PROBLEMS:]:
            self._engine_run.problems.append(f"books: {len(more)} more problems of this kind")


async def measure(engine: Engine, number: int, sizes: Sizes, folder: Path, calls_services: bool) -> EngineRun:
    """Measure an engine in this round. Failures are in the run's `problems`."""
    run_ = EngineRun(engine.name, number)
    began = time.monotonic()
    try:
        async with EngineEnvironment.open(engine, folder) as env:
            run_.settings = [_setting(part, folder) for part in env.parts]
            await Measurement(env, sizes, run_).run(calls_services)
    except (OrdersagaError, OSError) as error:
        run_.problems.append(f"{type(error).__name__}: {error}")
    run_.seconds = time.monotonic() - began
    return run_


def to_json(run_: EngineRun) -> dict[str, Any]:
    """A run, for the result."""
    return asdict(run_) | {"figures": {name: round(value, 4) for name, value in sorted(run_.figures.items())}}


def _each(name: str, amounts: Mapping[str, float], factor: float) -> dict[str, float]:
    """The sum under this name, and the value of each role or type below it."""
    parts = {f"{name}.{key}": factor * amount for key, amount in amounts.items()}
    return {name: sum(parts.values())} | parts


def _setting(part: Part, folder: Path) -> dict[str, Any]:
    """How a program was started, without anything specific to this machine."""
    command = [_anonymous(word, folder) for word in part.program.command]
    environment = {name: _anonymous(value, folder) for name, value in part.environment.items()}
    return {"role": part.role, "command": " ".join(command), "environment": environment}


def _anonymous(word: str, folder: Path) -> str:
    path = Path(word)
    return path.name if path.is_absolute() and folder not in path.parents else word.replace(str(folder), "DATA")
