"""Make examples/orders.jsonl from the till's file.

python examples/make_orders.py online_retail.csv > examples/orders.jsonl
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from ordersaga.demo.retail import RetailOrder, read_retail_file
from ordersaga.domain.order import OrderInput

ORDERS = 200
LONGEST = 15


def chosen(path: Path) -> Iterator[OrderInput]:
    """The file's first 200 orders of at most 15 lines."""
    made = (found.order for found in read_retail_file(path) if isinstance(found, RetailOrder))
    return islice((order for order in made if len(order.items) <= LONGEST), ORDERS)


def main() -> None:
    """Write the chosen orders to stdout, one JSON object a line."""
    for order in chosen(Path(sys.argv[1])):
        sys.stdout.buffer.write(order.model_dump_json(exclude_none=True).encode() + b"\n")


if __name__ == "__main__":
    main()
