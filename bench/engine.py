"""What is measured: one way of processing orders, started from nothing, and driven as all the others are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias, runtime_checkable

from ordersaga.domain.order import OrderInput
from ordersaga.stack.child import Program

Place: TypeAlias = Callable[[OrderInput], Awaitable[None]]
"""Process one order to its end. Raises whatever it likes if the order did not complete."""


@dataclass(frozen=True)
class EngineConfig:
    """Where an engine runs: a folder of its own, the services that are up, and the ports that are its own."""

    folder: Path
    services: Mapping[str, str]
    """URL of each service, by its name."""
    ports: tuple[int, ...]
    """As many free ports as the engine asked for."""


@dataclass(frozen=True)
class Part:
    """One program of an engine, and the name under which its CPU and memory are counted, such as `worker`."""

    role: str
    program: Program
    environment: Mapping[str, str]
    """What it finds in its environment beside ours."""


class Engine(Protocol):
    """One way of processing orders.

    A program runs in the foreground, so that all its processes are below the one that was started and can be counted.
    A Temporal server is `temporal server start-dev --port …`; an order's workflows have the order's id in theirs. Then
    history and actions per order are measured, too. Importing an engine's module, or asking for its version, raises
    ImportError if what it needs is not installed.
    """

    name: str
    """As the command line and the JSON call it, such as `dbos-sqlite`."""
    title: str
    """As the tables call it, such as `DBOS on SQLite`."""
    ports: int
    """How many free ports it wants."""
    promises: str
    """What it guarantees to an order, and what not, in one sentence or two."""

    def version(self) -> str:
        """The versions of what it is made of."""

    def parts(self, config: EngineConfig) -> list[Part]:
        """The programs to start, in this order; each is ready before the next is started."""

    def client(self, config: EngineConfig) -> AbstractAsyncContextManager[Place]:
        """Be connected, and place orders. It runs in a process of its own, which is counted as `client`."""


@dataclass(frozen=True)
class Books:
    """Where the services keep their books: what has to run before they are started, and its database URL."""

    parts: list[Part]
    url: str


@runtime_checkable
class BringsBooks(Protocol):
    """An engine for which the services keep their books elsewhere than in SQLite files."""

    def books(self, config: EngineConfig) -> Books:
        """The services' database."""
