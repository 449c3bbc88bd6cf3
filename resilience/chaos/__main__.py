"""`python -m resilience.chaos`: run a campaign, and print its report."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import random
import shutil
import sys
import time
from pathlib import Path

import structlog
from temporalio.runtime import Runtime, TelemetryConfig

from ordersaga.settings import PREFIX
from resilience.chaos.campaign import campaign
from resilience.chaos.plan import ORDERS_A_SECOND, draw

SECONDS = 120.0
INTERRUPTED = 130
WATCH_EVERY = "15"
"""Seconds. The worker that creates the watcher's schedule reads it. Many rounds must fall into the time of the faults.
"""


def main() -> int:
    """Run the campaign of the arguments. Exit code: 0 nothing is wrong, 1 something is, 130 interrupted."""
    arguments = _arguments()
    seed = random.SystemRandom().randrange(1_000_000) if arguments.seed is None else arguments.seed
    out = arguments.out or Path(".ordersaga", "chaos", f"{seed}-{time.strftime('%Y%m%d-%H%M%S')}")
    os.environ.setdefault(f"{PREFIX}WATCH_EVERY", WATCH_EVERY)
    _silence()
    out.mkdir(parents=True)
    _say(f"seed {seed}, {arguments.seconds:g} s, files in {out}")
    try:
        report = asyncio.run(campaign(draw(seed, arguments.seconds, arguments.rate), out))
    except KeyboardInterrupt:
        _say(f"Interrupted, so there is no report. The plan and the event log are in {out}")
        return INTERRUPTED
    (out / "report.json").write_text(json.dumps(report.to_json(), indent=2) + "\n", encoding="utf-8")
    for line in report.lines(out):
        _say(line)
    if report.good:
        shutil.rmtree(out / "stack")
    return 0 if report.good else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m resilience.chaos",
        description="Random orders while faults of every kind happen at once, then a check of the books. "
        "See docs/explanation/chaos.md.",
    )
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long it lasts (default: %(default)g)")
    parser.add_argument(
        "--seed", type=int, help="the seed of everything random; by default a random one, which is printed first"
    )
    parser.add_argument("--rate", type=float, default=ORDERS_A_SECOND, help="orders a second (default: %(default)g)")
    parser.add_argument("--out", type=Path, help="a new folder for the plan, the event log, the report and the data")
    return parser.parse_args()


def _silence() -> None:
    """Turn off logs: processes die on purpose here, and the event log says so."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    for name in ("aiohttp", "asyncio"):  # clients that disconnect, and updates that are interrupted at the end
        logging.getLogger(name).setLevel(logging.CRITICAL)
    Runtime.set_default(Runtime(telemetry=TelemetryConfig(logging=None)), error_if_already_set=False)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
