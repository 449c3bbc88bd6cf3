"""`python -m bench.recovery`: how long orders take to end if their worker is killed while they are in flight.

In each round, orders are placed as fast as they end, and the only worker is killed with SIGKILL and restarted at once.
An order counts if it was in flight at the kill, by Temporal's own times. Its time is from the kill to its end.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import engines as known
from bench import history
from bench.engine import Engine
from bench.environment import EngineEnvironment
from bench.history import Run
from bench.load import Phase, order_id
from bench.result import circumstances
from bench.stats import percentile, rotated
from ordersaga.domain.errors import OrdersagaError
from ordersaga.stack import StackError

ENGINES = ("ordersaga", "naive")
PATIENCE = 600.0
"""The time limit after the kill for all orders to end, in seconds."""
FIRST_KILL = 2.0
STAGGER = 0.37
"""When the first round kills, in seconds after its beginning, and how much later each next round does."""
LIST_SECONDS = 15.0


@dataclass(frozen=True)
class Kill:
    """The orders that were in flight at one kill. Times are in seconds from the kill to the end of each order."""

    engine: str
    round: int
    seconds: list[float]
    not_ended: int = 0
    problem: str = ""


def main() -> int:
    """Run the rounds of the arguments. Exit code: 0 every order has ended, 1 one has not."""
    arguments = _arguments()
    engines, left_out = known.available(arguments.only.split(","))
    kills = asyncio.run(_rounds(engines, arguments))
    found = {
        **circumstances(),
        "left_out": left_out,
        "in_flight": arguments.in_flight,
        "summary": {name: summary([kill for kill in kills if kill.engine == name]) for name in engines},
        "kills": [asdict(kill) for kill in kills],
    }
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "recovery.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(markdown(found["summary"]))
    return 1 if left_out or any(kill.not_ended or kill.problem for kill in kills) else 0


def waited(runs: Mapping[str, Iterable[Run]], killed: datetime) -> tuple[list[float], int]:
    """The seconds from the kill to the end of each order that was in flight, and how many have not ended."""
    spans = [(min(run.started for run in own), [run.closed for run in own]) for own in map(list, runs.values()) if own]
    ends = [closed for started, closed in spans if started < killed]
    seconds = [
        (max(each for each in closed if each) - killed).total_seconds()
        for closed in ends
        if all(closed) and max(each for each in closed if each) > killed
    ]
    return sorted(seconds), sum(not all(closed) for closed in ends)


def summary(kills: list[Kill]) -> dict[str, Any]:
    """All kills of an engine combined."""
    seconds = [each for kill in kills for each in kill.seconds]
    return {
        "kills": len(kills),
        "orders": len(seconds),
        "p50": percentile(seconds, 50),
        "p99": percentile(seconds, 99),
        "max": max(seconds, default=None),
        "not_ended": sum(kill.not_ended for kill in kills),
    }


def markdown(summaries: Mapping[str, Mapping[str, Any]]) -> str:
    """The result as a table."""
    header = ["engine", "kills", "orders in flight", "p50 s", "p99 s", "longest s", "not ended"]
    lines = [" | ".join(header), " | ".join("---" for _ in header)]
    for name, found in summaries.items():
        times = ["" if found[key] is None else f"{found[key]:.1f}" for key in ("p50", "p99", "max")]
        lines.append(" | ".join([name, str(found["kills"]), str(found["orders"]), *times, str(found["not_ended"])]))
    return "".join(f"| {line} |\n" for line in lines)


async def _rounds(engines: Mapping[str, Engine], arguments: argparse.Namespace) -> list[Kill]:
    where = Path(tempfile.mkdtemp(prefix="recovery-"))
    kills = []
    for number in range(arguments.rounds):
        for name in rotated(list(engines), number):
            folder = where / f"{number}-{name}"
            try:
                kill = await _round(engines[name], number, arguments.in_flight, arguments.orders, folder)
            except (OrdersagaError, OSError) as error:
                kill = Kill(name, number, [], problem=f"{type(error).__name__}: {error}")
            kills.append(kill)
            longest = f"{max(kill.seconds):.1f} s" if kill.seconds else "none"
            sys.stderr.write(
                f"{name}, kill {number + 1}: longest {longest}, {kill.not_ended} not ended {kill.problem}\n"
            )
    await asyncio.to_thread(shutil.rmtree, where)
    return kills


async def _round(engine: Engine, number: int, in_flight: int, orders: int, folder: Path) -> Kill:
    async with EngineEnvironment.open(engine, folder) as env:
        if env.temporal is None or env.client is None:
            raise StackError(f"{engine.name} does not use Temporal, whose times are needed. Nothing was measured.")
        placing = asyncio.create_task(env.client.run(Phase("full", orders, in_flight=in_flight)))
        await asyncio.sleep(FIRST_KILL + STAGGER * number)
        killed = datetime.now(UTC)
        env.kill("worker")
        done, _ = await asyncio.wait([placing], timeout=PATIENCE)
        placing.cancel()
        names = [order_id("full", each) for each in range(orders)]
        runs = await history.ended(env.temporal, names, LIST_SECONDS)
        seconds, not_ended = waited(runs, killed)
        outcome = placing.result() if done else None
        problem = f"{outcome.failed} did not complete: {outcome.errors}" if outcome and outcome.failed else ""
        return Kill(engine.name, number, seconds, not_ended, problem or ("" if done else "time is up"))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.recovery", description="Kill workers, and measure how long orders take to end."
    )
    parser.add_argument("--rounds", type=int, default=10, help="number of kills per engine (default: %(default)s)")
    parser.add_argument("--only", metavar="A,B", default=",".join(ENGINES), help="engines (default: %(default)s)")
    parser.add_argument("--orders", type=int, default=200, help="orders a round (default: %(default)s)")
    parser.add_argument("--in-flight", type=int, default=32, help="orders in flight (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path(".ordersaga", "bench"), help="the folder for recovery.json")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
