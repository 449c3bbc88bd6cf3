"""One Temporal server for all tests of the saga test kit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import count

import pytest
from temporalio.client import Client

from ordersaga.orders.connection import connect
from ordersaga.stack.dev_server import temporal_server

_numbers = count(1)


@pytest.fixture(scope="session")
async def temporal() -> AsyncIterator[Client]:
    """A client of the session's Temporal server."""
    async with temporal_server() as address:
        yield await connect(target_host=address)


@pytest.fixture
def order_id() -> str:
    """An order id that no other test uses."""
    return f"s{next(_numbers)}"
