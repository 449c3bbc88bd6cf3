"""The result of one check of `ordersaga doctor`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """The result of a check. `do` says how to fix a problem."""

    name: str
    state: str
    detail: str
    do: str = ""
    answers: bool = True
    """False if something is not responding."""


def ok(name: str, detail: str) -> Finding:
    """A check that succeeded."""
    return Finding(name, "ok", detail)


def problem(name: str, detail: str, do: str, answers: bool = True) -> Finding:
    """A check that found a problem."""
    return Finding(name, "problem", detail, do, answers)
