"""The engines that can be measured. Each is imported only when it is requested."""

from __future__ import annotations

from collections.abc import Iterable
from pkgutil import resolve_name
from typing import cast

from bench.engine import Engine

WHERE = {
    "empty": "bench.limits:EMPTY",
    "empty-unsandboxed": "bench.limits:EMPTY_UNSANDBOXED",
    "noops": "bench.limits:NOOPS",
    "ordersaga": "bench.ours:ORDERSAGA",
    "ordersaga-slow-path": "bench.ours:SLOW_PATH",
    "ordersaga-2-workers": "bench.ours:TWO_WORKERS",
    "ordersaga-postgres": "bench.ours:ON_POSTGRES",
    "naive": "bench.peers.naive.engine:NAIVE",
    "naive-tuned": "bench.peers.naive.engine:NAIVE_TUNED",
    "dbos-sqlite": "bench.peers.dbos:ON_SQLITE",
    "dbos-postgres": "bench.peers.dbos:ON_POSTGRES",
    "restate": "bench.peers.restate:RESTATE",
    "celery": "bench.peers.celery:CELERY",
}
"""Each engine by its name, in the order of the tables."""

LIMITS = tuple(name for name, where in WHERE.items() if where.startswith("bench.limits:"))
"""The engines that call no service: the cost of Temporal itself."""


def load(name: str) -> Engine:
    """The engine with this name. Raises ImportError if something that it needs is not installed, KeyError."""
    return cast("Engine", resolve_name(WHERE[name]))


def available(names: Iterable[str]) -> tuple[dict[str, Engine], dict[str, str]]:
    """The engines among these that can run, and the reasons why the others cannot.

    Raises KeyError for an unknown name.
    """
    found: dict[str, Engine] = {}
    left_out: dict[str, str] = {}
    for name in names:
        try:
            engine = load(name)
            engine.version()
        except (ImportError, AttributeError) as error:
            left_out[name] = f"{type(error).__name__}: {error}"
        else:
            found[name] = engine
    return found, left_out
