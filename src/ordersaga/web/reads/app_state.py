"""The state that the API and the dashboard share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from ordersaga.orders.client import OrderClient
from ordersaga.orders.connection import connect
from ordersaga.settings import Settings
from ordersaga.web.access.keys import KeyRing
from ordersaga.web.access.limiter import Limiter
from ordersaga.web.access.streams import Streams
from ordersaga.web.reads.orders import Reads


class AppState:
    """The keys, the limits and the reads. `client` and `overview` exist inside `running()`.

    Keyword arguments go to `ordersaga.orders.connection.connect`. Raises SettingsError if the keys file cannot be read.
    """

    client: OrderClient
    reads: Reads

    def __init__(self, settings: Settings, **temporal: Any) -> None:
        self.settings = settings
        self.keys = KeyRing.open(settings.api_keys)
        self.limiter = Limiter(settings.api_rate)
        self.streams = Streams()
        self._temporal = temporal

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Open the client and the reads. Temporal need not be running yet: every call tries to connect."""
        temporal = await connect(lazy=True, **self._temporal)
        async with OrderClient(temporal, self.settings) as self.client:
            self.reads = Reads(self.client)
            try:
                yield
            finally:
                await self.reads.close()

    def stop(self) -> None:
        """The server is stopping: end the event streams."""
        self.reads.stopping.set()
