"""The stack on this machine: Temporal's dev server, the services, a worker and, if requested, the API."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from ordersaga.settings import PREFIX, SERVICES, Settings, load_settings, shown_database
from ordersaga.stack import programs
from ordersaga.stack.child import Child, Program, StackError
from ordersaga.stack.locks import data_dir_lock, free_ports

START_SECONDS = 120.0


@dataclass(frozen=True)
class StackOptions:
    """Where the stack keeps its data, and its ports. Port 0 is any free port."""

    data_dir: Path = Path(".ordersaga")
    temporal_port: int = 7233
    temporal_ui_port: int = 8233
    services_port: int = 8001
    database_url: str | None = None
    """The URL of the services' database, if it is not a folder in the data directory."""
    worker_calls: str | None = None
    """The URL under which the worker calls the services, if it is not theirs: a proxy's, in tests and in the demo."""
    worker_module: str = programs.CLI_MODULE
    """The module whose command `worker` runs the worker. Tests use another one, which changes a setting."""
    api_port: int | None = None
    """The port of the API and the dashboard; None to run without them."""


class Stack:
    """The running stack: `async with Stack(options) as stack`. Entering waits until everything answers.

    A child that dies is restarted on its port. If this process is killed, so are the children. Entering raises
    StackError if a port is taken, the data directory is in use, or a child does not start; then nothing runs.
    """

    def __init__(self, options: StackOptions) -> None:
        self.data_dir = options.data_dir.resolve()
        self.log_dir = self.data_dir / "logs"
        self.temporal = ""
        """Host and port of Temporal."""
        self.ui = ""
        """URL of Temporal's Web UI."""
        self.api: str | None = None
        """URL of the dashboard, with the API under /v1; None if they do not run."""
        self.services: dict[str, str] = {}
        """URL of each service, by its name."""
        self.environment: dict[str, str] = {}
        """The environment variables that point our programs to this stack."""
        self.children: dict[str, Child] = {}
        """The children by name: temporal, services, worker, and api if there is one."""
        self._options = options
        self._tasks: list[asyncio.Task[None]] = []
        self._held = ExitStack()

    async def __aenter__(self) -> Self:
        load_settings()
        programs.temporal_binary()
        try:
            self._held.enter_context(data_dir_lock(self.data_dir))
            self._children()
            self._tasks = [child.start() for child in self.children.values()]
            await self.until_ready()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def database(self) -> str:
        """The URL of the services' database, without its password."""
        return shown_database(self.environment[f"{PREFIX}DATABASE_URL"])

    @property
    def pids(self) -> dict[str, int]:
        """The process id of each child, by its name."""
        return {name: child.pid for name, child in self.children.items()}

    def settings(self) -> Settings:
        """The settings of a client of this stack."""
        return load_settings(**{f"{name}_url": url for name, url in self.services.items()})

    def kill(self, *names: str) -> None:
        """Kill these children, or all, with SIGKILL. They restart; wait for them with `until_ready`."""
        for name in names or self.children:
            self.children[name].kill()

    async def until_ready(self, *names: str) -> None:
        """Wait until these children, or all, answer. Raises StackError if they do not."""
        ready = asyncio.ensure_future(_all(self.children[name].ready for name in names or self.children))
        try:
            await asyncio.wait([ready, *self._tasks], timeout=START_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if ready.done():
                return
            for task in self._tasks:
                if task.done():
                    task.result()
            late = [name for name in names or self.children if not self.children[name].ready.is_set()]
            raise StackError(
                f"No answer from {', '.join(late)} in {START_SECONDS:g} s. The logs are in {self.log_dir}."
            )
        finally:
            ready.cancel()

    async def stop(self) -> None:
        """Stop the API, then the worker, which lets its activities finish, then the services, then Temporal."""
        try:
            for name in ("api", "worker", "services", "temporal"):
                if name in self.children:
                    await self.children[name].stop()
        finally:
            self._held.close()

    def _children(self) -> None:
        options = self._options
        wanted = {
            "--temporal-port": options.temporal_port,
            "--temporal-ui-port": options.temporal_ui_port,
            "--services-port": options.services_port,
        }
        if options.api_port is not None:
            wanted["--api-port"] = options.api_port
        port, ui_port, services_port, *api_port = free_ports(wanted)
        self.temporal = f"{programs.HOST}:{port}"
        self.ui = f"http://{programs.HOST}:{ui_port}"
        self.services = {name: f"{self._services_url(services_port)}/{name}" for name in SERVICES}
        self.environment = programs.environment(self.temporal, self.services, self.data_dir, self._options.database_url)
        environment = programs.inherited() | self.environment
        called = {name: f"{options.worker_calls or self._services_url(services_port)}/{name}" for name in SERVICES}
        self._add(programs.temporal(self.data_dir, port, ui_port), environment)
        self._add(programs.services(services_port), environment)
        calling = {f"{PREFIX}{name.upper()}_URL": url for name, url in called.items()}
        self._add(programs.worker(self._options.worker_module), environment | calling)
        if api_port:
            self.api = f"http://{programs.HOST}:{api_port[0]}"
            self._add(programs.api(api_port[0]), environment | {f"{PREFIX}TEMPORAL_UI_URL": self.ui})

    def _add(self, program: Program, environment: dict[str, str]) -> None:
        self.children[program.name] = Child(program, self.log_dir / f"{program.name}.log", environment)

    @staticmethod
    def _services_url(port: int) -> str:
        return f"http://{programs.HOST}:{port}"


async def _all(events: Iterable[asyncio.Event]) -> None:
    for event in list(events):
        await event.wait()
