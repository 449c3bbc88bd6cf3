"""A plan of faults, drawn from a seed. A failure can be repeated with the seed or with the logged plan."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from random import Random
from typing import Any

from ordersaga.stack.faults.calls import CALLS
from ordersaga.stack.faults.fault import Fault, Kind

ATTEMPTS = 3
"""How many attempts of each call may fail. Later attempts succeed, so that every order can reach its end."""
SHORTEST, LONGEST = 0.1, 2.0
"""The range of `seconds`, for the kinds that use it."""


def plan(
    seed: int | str, order_ids: Iterable[str], rate: float = 0.1, kinds: Sequence[Kind] = tuple(Kind)
) -> list[Fault]:
    """Draw faults for these orders: each attempt of each call fails with probability `rate`, by one of `kinds`.

    The same seed gives an order the same faults, independently of the other orders.
    """
    return [fault for order_id in order_ids for fault in _of_order(seed, order_id, rate, kinds)]


def to_json(faults: Iterable[Fault]) -> str:
    """The faults as a JSON list, one per line."""
    lines = ",\n ".join(json.dumps(as_document(fault)) for fault in faults)
    return f"[{lines}]"


def from_json(text: str) -> list[Fault]:
    """Read faults from a JSON list. Raises ValueError for an invalid list."""
    return [_fault(**entry) for entry in json.loads(text)]


def _fault(kind: str, attempts: list[int] | None, **others: Any) -> Fault:
    return Fault(Kind(kind), attempts=None if attempts is None else tuple(attempts), **others)


def as_document(fault: Fault) -> dict[str, object]:
    """A fault as plain data."""
    return asdict(fault) | {"attempts": None if fault.attempts is None else list(fault.attempts)}


def _of_order(seed: int | str, order_id: str, rate: float, kinds: Sequence[Kind]) -> Iterator[Fault]:
    random = Random(f"{seed}/{order_id}")  # noqa: S311  the same numbers again are what is wanted
    for call in CALLS:
        offered = [kind for kind in kinds if kind.offered_at(call)]
        for attempt in range(1, ATTEMPTS + 1):
            if offered and random.random() < rate:
                seconds = round(random.uniform(SHORTEST, LONGEST), 1)
                yield Fault(random.choice(offered), call, order_id, (attempt,), seconds)
