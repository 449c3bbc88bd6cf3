"""What `ordersaga doctor` says of each thing that it looks at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `do` says what to do if it is a problem."""

    name: str
    state: str
    detail: str
    do: str = ""
    answers: bool = True
    """False if something that must answer does not."""


def ok(name: str, detail: str) -> Finding:
    """All is well."""
    return Finding(name, "ok", detail)


def problem(name: str, detail: str, do: str, answers: bool = True) -> Finding:
    """Something is not as it should be."""
    return Finding(name, "problem", detail, do, answers)
