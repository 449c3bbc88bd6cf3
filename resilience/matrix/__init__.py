"""The matrix: every call of an order with every kind of fault, cancel, crash and reset; one order for each.

`python -m resilience.matrix` runs it (`make matrix`); docs/explanation/matrix.md explains it.
"""

from resilience.matrix.cell import Cell, Outcome
from resilience.matrix.matrix import all_cells, chosen, slice_of
from resilience.matrix.runner import run_cells

__all__ = ["Cell", "Outcome", "all_cells", "chosen", "run_cells", "slice_of"]
