"""The interface of an engine: one way of processing orders, started from nothing and driven like all others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias, runtime_checkable

from ordersaga.domain.order import OrderInput
from ordersaga.stack.child import Program

Place: TypeAlias = Callable[[OrderInput], Awaitable[None]]
"""Process one order to its end. Raises any exception if the order did not complete."""


@dataclass(frozen=True)
class EngineConfig:
    """Where an engine runs: its own folder, the running services, and its own ports."""

    folder: Path
    services: Mapping[str, str]
    """URL of each service, by its name."""
    ports: tuple[int, ...]
    """As many free ports as the engine requested."""


@dataclass(frozen=True)
class Part:
    """One program of an engine. Its CPU and memory are counted under the role, such as `worker`."""

    role: str
    program: Program
    environment: Mapping[str, str]
    """Environment variables in addition to ours."""


class Engine(Protocol):
    """One way of processing orders.

    A program runs in the foreground, so that all its processes are children of the started one and can be counted. If
    it runs a Temporal server with `temporal server start-dev --port …`, and the workflow ids of an order contain the
    order's id, history and actions per order are measured too. Importing an engine's module, or reading its version,
    raises ImportError if something that it needs is not installed.
    """

    name: str
    """The name on the command line and in the JSON, such as `dbos-sqlite`."""
    title: str
    """The name in tables, such as `DBOS on SQLite`."""
    ports: int
    """How many free ports it needs."""
    promises: str
    """What it guarantees to an order and what not, in one or two sentences."""

    def version(self) -> str:
        """The versions of its components."""

    def parts(self, config: EngineConfig) -> list[Part]:
        """The programs to start, in this order. Each is ready before the next one starts."""

    def client(self, config: EngineConfig) -> AbstractAsyncContextManager[Place]:
        """Connect, and place orders. It runs in its own process, which is counted as `client`."""


@dataclass(frozen=True)
class ServicesDatabase:
    """The services' database: the programs to start before the services, and the database URL."""

    parts: list[Part]
    url: str


@runtime_checkable
class BringsDatabase(Protocol):
    """An engine with which the services use another database than SQLite files."""

    def services_database(self, config: EngineConfig) -> ServicesDatabase:
        """The services' database."""
