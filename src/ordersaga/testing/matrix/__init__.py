"""The matrix: every call of an order, every kind of fault, cancel, kill and reset; one order for each.

`python -m ordersaga.testing.matrix` runs it (`make matrix`); docs/matrix.md explains it.
"""

from ordersaga.testing.matrix.cell import Cell, Outcome
from ordersaga.testing.matrix.matrix import all_cells, chosen, slice_of
from ordersaga.testing.matrix.runner import run_cells

__all__ = ["Cell", "Outcome", "all_cells", "chosen", "run_cells", "slice_of"]
