"""The connection to Temporal, configured the way Temporal's own tools are."""

from __future__ import annotations

import asyncio
from typing import Any

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.envconfig import ClientConfig
from temporalio.service import RPCError

from ordersaga.domain.errors import SettingsError, TemporalUnavailable

CONNECT_TIMEOUT = 10.0
DEFAULT_ADDRESS = "localhost:7233"


async def connect(**overrides: Any) -> Client:
    """Connect to Temporal as its environment configuration says: TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, a TOML profile…

    Keyword arguments go before those, as arguments of `temporalio.client.Client.connect`. Raises TemporalUnavailable
    when no server answers within ten seconds, and SettingsError when the configuration cannot be read.
    """
    try:
        config: dict[str, Any] = {"target_host": DEFAULT_ADDRESS, **ClientConfig.load_client_connect_config()}
    except Exception as error:
        raise SettingsError(f"Temporal's connection settings cannot be read: {error}") from None
    config |= {"data_converter": pydantic_data_converter} | overrides
    address = config["target_host"]
    try:
        return await asyncio.wait_for(Client.connect(**config), CONNECT_TIMEOUT)
    except (RuntimeError, RPCError, TimeoutError) as error:
        problem = _problem(error)
        raise TemporalUnavailable(
            f"No Temporal server answers at {address}: {problem}. Nothing was started. "
            "`ordersaga up` starts one here; TEMPORAL_ADDRESS names another."
        ) from None


def _problem(error: Exception) -> str:
    text = str(error)
    if "Connection refused" in text:
        return "connection refused"
    return text[:200] or f"no answer within {CONNECT_TIMEOUT:g} s"
