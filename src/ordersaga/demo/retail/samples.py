"""The sample orders that come with ordersaga."""

from __future__ import annotations

from pathlib import Path

from ordersaga.domain.order import OrderInput, parse_order


def sample_orders() -> list[OrderInput]:
    """Real orders of a real shop; examples/README.md says where they come from."""
    here = Path(__file__).resolve()
    packaged, checkout = here.with_name("orders.jsonl"), here.parents[4] / "examples" / "orders.jsonl"
    lines = (packaged if packaged.exists() else checkout).read_text(encoding="utf-8").splitlines()
    return [parse_order(line) for line in lines]
