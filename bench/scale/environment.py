"""The environment for measuring scale: the stack of `ordersaga up` in its own folder, with a meter on its programs."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from bench.meter import Meter
from bench.result import circumstances
from ordersaga.orders.client import OrderClient
from ordersaga.orders.connection import connect
from ordersaga.orders.service_clients import Services
from ordersaga.stack import Stack, StackOptions

ROLES = ("temporal", "worker", "services", "client")


@dataclass
class ScaleEnvironment:
    """The stack, its clients, and the CPU and memory of its programs and of `client_pid`."""

    stack: Stack
    orders: OrderClient
    services: Services
    client_pid: int = field(default_factory=os.getpid)

    def __post_init__(self) -> None:
        self.meter = Meter(self._roots)

    @classmethod
    @asynccontextmanager
    async def open(cls, stock: Mapping[str, int]) -> AsyncIterator[Self]:
        """Start a stack on free ports, with this stock. The stack and its data are removed at the end of the block."""
        with tempfile.TemporaryDirectory(prefix="ordersaga-scale-") as folder:
            async with Stack(StackOptions(Path(folder), 0, 0, 0)) as stack, Services.open(stack.services) as services:
                temporal = await connect(target_host=stack.temporal, namespace="default", tls=False, api_key=None)
                await services.inventory.load_stock(dict(stock))
                async with OrderClient(temporal, stack.settings()) as orders:
                    yield cls(stack, orders, services)

    def disk(self) -> dict[str, int]:
        """The size of the databases of Temporal and the services, in bytes."""
        found = {"temporal": self.stack.data_dir.glob("temporal.db*"), "services": self.services_files()}
        return {name: sum(file.stat().st_size for file in files) for name, files in found.items()}

    def services_files(self) -> Iterator[Path]:
        """The files of the services' databases."""
        return (file for file in (self.stack.data_dir / "services").rglob("*") if file.is_file())

    def _roots(self) -> dict[str, list[int]]:
        return {name: [pid] for name, pid in self.stack.pids.items()} | {"client": [self.client_pid]}


def options(description: str, **numbers: int) -> argparse.Namespace:
    """The command line: numbers with these defaults, and the file for the JSON."""
    parser = argparse.ArgumentParser(description=description)
    for name, default in numbers.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=default)
    parser.add_argument("--out", type=Path, help="write the JSON to this file; without it, to standard output")
    return parser.parse_args()


def publish(results: Mapping[str, Any], table: str, out: Path | None) -> None:
    """Write the results and their circumstances as JSON, and print the table on standard error."""
    text = json.dumps(circumstances() | dict(results), indent=1)
    sys.stderr.write(f"\n{table}\n")
    if out is None:
        sys.stdout.write(f"{text}\n")
    else:
        out.write_text(f"{text}\n", encoding="utf-8")


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Render a Markdown table."""
    lines = [header, ["---:"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
