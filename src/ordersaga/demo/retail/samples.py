"""The sample orders that come with ordersaga."""

from __future__ import annotations

from pathlib import Path

from ordersaga.domain.order import OrderInput, parse_order


def sample_orders() -> list[OrderInput]:
    """Real orders of a real shop; examples/README.md says where they come from."""
    lines = _sample_file("orders.jsonl").read_text(encoding="utf-8").splitlines()
    return [parse_order(line) for line in lines]


def example_order_file() -> Path:
    """The file with the one order that the documentation places."""
    return _sample_file("order.json")


def _sample_file(name: str) -> Path:
    """A file that a wheel has beside this module, and a checkout in examples/."""
    here = Path(__file__).resolve()
    packaged = here.with_name(name)
    return packaged if packaged.exists() else here.parents[4] / "examples" / name
