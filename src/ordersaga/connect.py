"""The connection to Temporal, configured the way Temporal's own tools are."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.envconfig import ClientConfig
from temporalio.service import RPCError

from ordersaga.domain.errors import SettingsError, TemporalUnavailable

CONNECT_TIMEOUT = 10.0
DEFAULT_ADDRESS = "localhost:7233"
DATA_CONVERTER = pydantic_data_converter
POLL = timedelta(seconds=70)
"""A worker that has not asked for work for so long is gone; a poll takes a minute."""


async def connect(**overrides: Any) -> Client:
    """Connect to Temporal as its environment configuration says: TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, a TOML profile…

    Keyword arguments go before those, as arguments of `temporalio.client.Client.connect`. Raises TemporalUnavailable
    when no server answers within ten seconds, and SettingsError when the configuration cannot be read.
    """
    try:
        config: dict[str, Any] = {"target_host": DEFAULT_ADDRESS, **ClientConfig.load_client_connect_config()}
    except Exception as error:
        raise SettingsError(f"Temporal's connection settings cannot be read: {error}") from None
    config |= {"data_converter": DATA_CONVERTER} | overrides
    address = config["target_host"]
    try:
        return await asyncio.wait_for(Client.connect(**config), CONNECT_TIMEOUT)
    except (RuntimeError, RPCError, TimeoutError) as error:
        problem = _problem(error)
        raise TemporalUnavailable(
            f"No Temporal server answers at {address}: {problem}. Nothing was started. "
            "`ordersaga up` starts one here; TEMPORAL_ADDRESS names another."
        ) from None


async def pollers(client: Client, task_queue: str) -> list[str]:
    """The identities of the workers that have asked this task queue for orders lately. Raises RPCError."""
    described = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=client.namespace,
            task_queue=TaskQueue(name=task_queue),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        )
    )
    oldest = datetime.now(UTC) - POLL
    return [each.identity for each in described.pollers if each.last_access_time.ToDatetime(UTC) > oldest]


def _problem(error: Exception) -> str:
    text = str(error)
    if "Connection refused" in text:
        return "connection refused"
    return text[:200] or f"no answer within {CONNECT_TIMEOUT:g} s"
