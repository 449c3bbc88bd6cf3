"""A slice of the matrix, spread over all boundaries and kinds of fault. `make matrix` runs the whole matrix."""

from __future__ import annotations

import pytest

from resilience.environment import Environment
from resilience.matrix import Cell, Outcome, all_cells, run_cells, slice_of

COUNT = 330
pytestmark = pytest.mark.timeout(900)  # the first test waits for all cells
CELLS = slice_of(all_cells(), COUNT)


@pytest.fixture(scope="session")
async def outcomes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """The results of the requested cells, by id. They run together on one stack."""
    wanted = {item.name.partition("[")[2].rstrip("]") for item in request.session.items}
    cells = [cell for cell in CELLS if cell.id in wanted]
    async with Environment.open(tmp_path_factory.mktemp("matrix")) as env:
        return {outcome.cell.id: outcome for outcome in await run_cells(cells, env)}


@pytest.mark.parametrize("cell", CELLS, ids=[cell.id for cell in CELLS])
def test_the_order_ends_as_it_should_and_the_books_balance(cell: Cell, outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes[cell.id]
    assert outcome.passed, "; ".join(outcome.problems)
