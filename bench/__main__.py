"""`python -m bench`: measures the engines side by side on this machine."""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from bench import engines as known
from bench.engine import Engine
from bench.page import page
from bench.result import result
from bench.run import EngineRun, Sizes, measure
from bench.stats import rotated
from bench.tables import markdown

ROUNDS = 5
QUICK = Sizes(warm_up=8, idle=8, saturation=60, in_flight=8, half_seconds=4.0)


def main() -> int:
    """Run what the arguments request.

    Exit code: 0 everything was measured, 1 something was not, 2 invalid arguments.
    """
    arguments = _arguments()
    if arguments.list:
        _list()
        return 0
    wanted = arguments.only.split(",") if arguments.only else list(known.WHERE)
    if unknown := [name for name in wanted if name not in known.WHERE]:
        _say(f"Unknown engine: {', '.join(unknown)}. Nothing was started. The engines are {', '.join(known.WHERE)}.")
        return 2
    engines, left_out = known.available(wanted)
    for name, why in left_out.items():
        _say(f"{name} is left out: {why}")
    sizes = QUICK if arguments.quick else Sizes()
    sizes = replace(
        sizes, **{name: value for name in ("saturation", "in_flight") if (value := getattr(arguments, name))}
    )
    rounds = arguments.rounds or (1 if arguments.quick else ROUNDS)
    runs: list[EngineRun] = []
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        asyncio.run(_rounds(engines, rounds, sizes, runs))
    except KeyboardInterrupt:
        _say("Interrupted. The measurements so far are written.")
    found = result(engines, left_out, runs, sizes)
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    (out / "result.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (out / "result.html").write_text(page(found), encoding="utf-8")
    sys.stdout.write(markdown(found))
    _say(f"Written to {out / 'result.json'} and {out / 'result.html'}")
    return 1 if left_out or not runs or any(run_.problems for run_ in runs) else 0


async def _rounds(engines: Mapping[str, Engine], rounds: int, sizes: Sizes, runs: list[EngineRun]) -> None:
    """Measure every engine once per round.

    Each round begins with the next engine, so that no engine is always first or last.
    """
    where = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        for number in range(rounds):
            for name in rotated(list(engines), number):
                folder = where / f"{number}-{name}"
                run_ = await measure(engines[name], number, sizes, folder, name not in known.LIMITS)
                runs.append(run_)
                _print_run(run_, rounds)
                if run_.problems:
                    _say(f"  its logs are in {folder}")
                else:
                    await asyncio.to_thread(shutil.rmtree, folder)
    finally:
        if not any(run_.problems for run_ in runs):
            await asyncio.to_thread(shutil.rmtree, where)


def _print_run(run_: EngineRun, rounds: int) -> None:
    figures = ", ".join(
        f"{name} {run_.figures[name]:.4g}"
        for name in ("orders_per_s", "cpu_ms", "idle_p50_ms", "half_p50_ms")
        if name in run_.figures
    )
    _say(f"{time.strftime('%H:%M:%S')} round {run_.round + 1}/{rounds} {run_.engine}: {figures} ({run_.seconds:.0f} s)")
    for problem in run_.problems:
        _say(f"  PROBLEM {problem}")


def _list() -> None:
    engines, left_out = known.available(known.WHERE)
    for name in known.WHERE:
        what = (
            f"left out: {left_out[name]}" if name in left_out else f"{engines[name].title}; {engines[name].version()}"
        )
        sys.stdout.write(f"{name:<22}{what}\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure the engines side by side on this machine. See docs/explanation/performance.md.",
    )
    parser.add_argument(
        "--rounds", type=int, help=f"how often to measure each engine (default: {ROUNDS}; with --quick 1)"
    )
    parser.add_argument("--only", metavar="A,B", help="measure only these engines (default: all)")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="use few orders, to check that everything runs; the figures are not comparable",
    )
    parser.add_argument("--saturation", type=int, metavar="N", help="number of orders at saturation")
    parser.add_argument("--in-flight", type=int, metavar="N", help="number of orders in flight at saturation")
    parser.add_argument(
        "--out", type=Path, default=Path(".ordersaga", "bench"), help="the folder for result.json and result.html"
    )
    parser.add_argument("--list", action="store_true", help="list the engines")
    return parser.parse_args()


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
