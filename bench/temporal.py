"""What engines on Temporal share: the server that `ordersaga up` starts, with its metrics."""

from __future__ import annotations

from dataclasses import replace

from bench.engine import Ground, Part, TemporalServer
from ordersaga.stack import programs


class LocalTemporal:
    """The dev server with the settings of the local stack. An engine with further ports of its own adds to `ports`."""

    ports = 3

    def temporal(self, ground: Ground) -> TemporalServer:
        """Where it answers."""
        return TemporalServer(f"{programs.HOST}:{ground.ports[0]}", ground.ports[2])

    def server(self, ground: Ground) -> Part:
        """The server, as the first part of an engine."""
        program = programs.temporal(ground.folder, *ground.ports[:2])
        command = [*program.command, "--metrics-port", str(ground.ports[2])]
        return Part("temporal", replace(program, command=command), {})
