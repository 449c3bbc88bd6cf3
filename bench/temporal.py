"""The Temporal server of an engine that has one: its address and its metrics port."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from bench.engine import Part
from ordersaga.stack.programs import HOST


@dataclass(frozen=True)
class TemporalServer:
    """The address of an engine's Temporal server, and the port of its metrics."""

    address: str
    metrics_port: int


def with_metrics(parts: Iterable[Part], metrics_port: int) -> tuple[list[Part], TemporalServer | None]:
    """The same parts, with this metrics port for Temporal, and the address of its server if there is one."""
    found, server = [], None
    for part in parts:
        command = part.program.command
        if "start-dev" in command:
            server = TemporalServer(f"{HOST}:{command[command.index('--port') + 1]}", metrics_port)
            program = replace(part.program, command=[*command, "--metrics-port", str(metrics_port)])
            found.append(replace(part, program=program))
        else:
            found.append(part)
    return found, server
