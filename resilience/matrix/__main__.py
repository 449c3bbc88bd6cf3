"""`python -m resilience.matrix`: run the matrix, or some of its cells, on its own stack."""

from __future__ import annotations

import asyncio
import logging
import tempfile
import time
from pathlib import Path
from typing import Annotated

import structlog
import typer

from resilience.environment import Environment
from resilience.matrix.cell import Cell
from resilience.matrix.matrix import chosen, slice_of
from resilience.matrix.report import Run, repeat_command, write
from resilience.matrix.runner import run_cells

SHOWN = 20


def main(
    cells: Annotated[
        str, typer.Option(help="Run only cells whose id matches this pattern, such as 'fault/charge/*'.")
    ] = "*",
    out: Annotated[Path, typer.Option(help="The folder for the report.")] = Path(".ordersaga/matrix"),
    count: Annotated[int, typer.Option("--slice", help="Run only this many cells, spread over all. 0 runs all.")] = 0,
    database: Annotated[
        str | None, typer.Option(help="URL of an empty PostgreSQL database for the services, instead of files.")
    ] = None,
    single_batch: Annotated[
        bool, typer.Option("--single-batch", help="Run the worker with the SDK's workflow logic flag 2 on.")
    ] = False,
    only_list: Annotated[bool, typer.Option("--list", help="Print the cells' ids, and run nothing.")] = False,
) -> None:
    """Run the matrix: one order for each cell, checked by its answer, its faults and the books.

    Exits 1 if a cell fails.
    """
    found = chosen(cells)
    if count:
        found = slice_of(found, count)
    if not found:
        typer.echo(f"No cell matches {cells!r}. Nothing was run. --list shows them all.", err=True)
        raise typer.Exit(2)
    if only_list:
        typer.echo("\n".join(cell.id for cell in found))
        return
    run = asyncio.run(_run(found, out, database, single_batch))
    for outcome in run.failed[:SHOWN]:
        typer.echo(
            f"FAILED {outcome.cell.id}: {'; '.join(outcome.problems)}\n       repeat: {repeat_command(outcome)}",
            err=True,
        )
    typer.echo(f"{run}. {out / 'report.html'}")
    raise typer.Exit(1 if run.failed else 0)


async def _run(cells: list[Cell], out: Path, database: str | None, single_batch: bool) -> Run:
    began = time.monotonic()
    _say(f"{len(cells)} cells; starting Temporal, the services and a worker …")
    with tempfile.TemporaryDirectory(prefix="ordersaga-matrix-", ignore_cleanup_errors=True) as folder:
        async with Environment.open(Path(folder), database, single_batch=single_batch) as env:
            outcomes = await run_cells(cells, env, _say)
    run = Run(outcomes, time.monotonic() - began)
    write(run, out)
    return run


def _say(line: str) -> None:
    typer.echo(line, err=True)


if __name__ == "__main__":
    # What is killed here is killed on purpose.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    typer.run(main)
