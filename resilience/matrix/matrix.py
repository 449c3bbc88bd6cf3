"""All cells of the matrix, and a representative slice of them."""

from __future__ import annotations

from collections import defaultdict
from fnmatch import fnmatchcase
from itertools import chain

from resilience.matrix.cancel_cells import cancel_cells
from resilience.matrix.cell import Cell
from resilience.matrix.crash_cells import crash_cells, terminate_cells
from resilience.matrix.deployment_cells import deployment_cells
from resilience.matrix.fault_cells import fault_cells
from resilience.matrix.register_cells import register_cells
from resilience.matrix.reset_cells import reset_cells


def all_cells() -> list[Cell]:
    """Every cell of the matrix."""
    ends = terminate_cells(), deployment_cells()
    kinds = (fault_cells(), cancel_cells(), reset_cells(), crash_cells(), *ends, register_cells())
    return list(chain.from_iterable(kinds))


def chosen(pattern: str) -> list[Cell]:
    """The cells whose id matches a shell pattern, such as `fault/charge/*`."""
    return [cell for cell in all_cells() if fnmatchcase(cell.id, pattern)]


def slice_of(cells: list[Cell], count: int) -> list[Cell]:
    """This many cells, spread over all boundaries and kinds. None with a crash: each costs seconds of recovery."""
    groups: defaultdict[tuple[str, str], list[Cell]] = defaultdict(list)
    for cell in cells:
        if cell.crash is None:
            groups[_group(cell)].append(cell)
    found: list[Cell] = []
    # Take another member from each group in turn, so that attempts, paths and methods alternate.
    for turn in range(max(map(len, groups.values()), default=0)):
        for number, group in enumerate(groups.values()):
            if turn < len(group) and len(found) < count:
                found.append(group[(turn + number) % len(group)])
    return found


def _group(cell: Cell) -> tuple[str, str]:
    """The group of a cell.

    Calls to the register are all alike, so each kind of fault need not be tried for each of them.
    """
    return cell.boundary, cell.id.split("/")[3] if cell.family == "register" else cell.kind
