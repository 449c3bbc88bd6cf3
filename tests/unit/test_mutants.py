"""What `make mutate` breaks, and what it does not."""

from __future__ import annotations

import tomllib

import pytest

from tests.mutation.__main__ import EQUIVALENT, mutated
from tests.mutation.copies import ROOT
from tests.mutation.mutants import mutants_of

SOURCE = '''\
"""A docstring."""
from __future__ import annotations
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    print("for types")
LIMIT = 500
FIRST = 1


@decorated
def cut(text: str | None, known: list[str] | None = None) -> str | None:
    """Another."""
    assert text is not None
    if not text or known is None:
        return None
    for each in known:
        forget(each, at=2 + LIMIT)
    try:
        work.done = text in ("a", "b")
    except (KeyError, ValueError):
        raise
    return text[:LIMIT]
'''

BECOMES = {
    "FIRST = 2",
    "FIRST = 0",
    "",  # the decorator is left out
    "if not not text or known is None:",
    "if not text or known is not None:",
    "if (not text):",
    "if (known is None):",
    "for each in []:",
    "forget(each, at= 3 + LIMIT)",
    "forget(each, at= 1 + LIMIT)",
    "forget(each, at=2 - LIMIT)",
    "forget(each)",
    "pass",
    'work.done = text in ("b",)',
    'work.done = text in ("a",)',
    "except ():",
    "except (ValueError,):",
    "except (KeyError,):",
    "return text",
    "return None",
}


def test_every_break_is_made_once_and_types_docstrings_settings_and_asserts_are_left_alone() -> None:
    made = mutants_of("cut.py", SOURCE)

    assert {each.becomes.strip() for each in made} == BECOMES
    passes = sorted(each.was for each in made if each.becomes == "pass")
    assert passes == ["forget(each, at=2 + LIMIT)", "raise", 'work.done = text in ("a", "b")']
    assert len({each.source for each in made}) == len(made) == len(BECOMES) + 2
    assert {each.where for each in made} == {"", "cut"}


def test_a_mutant_knows_the_lines_of_its_statement() -> None:
    lines = {each.becomes: (each.lines, each.in_function) for each in mutants_of("cut.py", SOURCE)}

    assert lines["FIRST = 2"] == ((7, 7), False)
    assert lines["forget(each)"] == ((17, 17), True)
    assert lines["for each in []:"] == ((16, 16), True)


def test_what_is_measured_and_broken_is_there() -> None:
    folders = {each.parent.relative_to(ROOT).as_posix() for each in mutated(ROOT)}

    assert folders == {"src/ordersaga/saga", "src/ordersaga/orders/workflows"}


@pytest.mark.slow  # it makes every mutant, as `make mutate` does
def test_every_listed_equivalent_mutant_exists_and_has_a_reason() -> None:
    entries = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8")).get("equivalent", [])
    made = {
        file: {
            (each.where, each.was, each.becomes) for each in mutants_of(file, (ROOT / file).read_text(encoding="utf-8"))
        }
        for file in {each["file"] for each in entries}
    }
    stale = [each for each in entries if (each["where"], each["was"], each["becomes"]) not in made[each["file"]]]

    assert not stale, "in equivalent.toml, but no mutant"
    assert [each for each in entries if not each["reason"].strip()] == []
