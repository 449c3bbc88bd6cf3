"""The connection to Temporal, configured like Temporal's own tools."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client, WorkflowQueryFailedError
from temporalio.contrib.pydantic import PydanticJSONPlainPayloadConverter, PydanticPayloadConverter
from temporalio.converter import CompositePayloadConverter, DataConverter
from temporalio.envconfig import ClientConfig
from temporalio.service import RPCError, RPCStatusCode

from ordersaga.domain.errors import (
    OrderNotFound,
    OrdersagaError,
    SettingsError,
    TemporalBusy,
    TemporalUnavailable,
    VerdictPending,
    WorkerUnavailable,
)
from ordersaga.domain.order import STORED

CONNECT_TIMEOUT = 10.0
DEFAULT_ADDRESS = "localhost:7233"
POLL = timedelta(seconds=70)
"""A worker that has not polled for this long is gone. A poll takes a minute."""

_TOOK_TOO_LONG = (RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED)
_NO_ANSWER = (RPCStatusCode.UNAVAILABLE, RPCStatusCode.UNKNOWN)
_REFUSED = (RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNAUTHENTICATED)
_AGAIN = "Try again when it answers; nothing is done twice."


class StoredJsonConverter(PydanticJSONPlainPayloadConverter):
    """Reads data that any version of this program has stored. It ignores fields that this version does not know."""

    def from_payload(self, payload: Payload, type_hint: type | None = None) -> Any:
        """Decode a value as this type. An order that breaks this version's rules becomes an UnreadOrder."""
        return _adapter(type_hint or Any).validate_json(payload.data, extra="ignore", context=STORED)


_adapter = lru_cache(maxsize=1024)(TypeAdapter)
_MADE_ONCE = CompositePayloadConverter(
    *(
        StoredJsonConverter() if isinstance(each, PydanticJSONPlainPayloadConverter) else each
        for each in PydanticPayloadConverter().converters.values()
    )
)


class OrderPayloadConverter(PydanticPayloadConverter):
    """Pydantic's payload converter, created once.

    The SDK would create two with empty caches per workflow activation.
    """

    def __init__(self) -> None:
        self.converters = _MADE_ONCE.converters


DATA_CONVERTER = DataConverter(payload_converter_class=OrderPayloadConverter)


async def connect(**overrides: Any) -> Client:
    """Connect to Temporal with its environment configuration (TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, a TOML profile).

    Keyword arguments override the configuration. They are those of `temporalio.client.Client.connect`. Raises
    TemporalUnavailable if no server answers within ten seconds, and SettingsError if the configuration cannot be read.
    With `lazy=True` the first call connects; `translate_rpc_errors` translates the errors that it raises.
    """
    try:
        config: dict[str, Any] = {"target_host": DEFAULT_ADDRESS, **ClientConfig.load_client_connect_config()}
    except Exception as error:
        raise SettingsError(f"Temporal's connection settings cannot be read: {error}") from None
    config |= {"data_converter": DATA_CONVERTER} | overrides
    address = config["target_host"]
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT):
            return await Client.connect(**config)
    except (RuntimeError, RPCError, TimeoutError) as error:
        problem = _problem(error)
        raise TemporalUnavailable(
            f"No Temporal server answers at {address}: {problem}. Nothing was started. "
            "`ordersaga up` starts one here; TEMPORAL_ADDRESS names another."
        ) from None


async def pollers(client: Client, task_queue: str) -> list[str]:
    """The identities of the workers that have polled this task queue recently. Raises RPCError."""
    described = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=client.namespace,
            task_queue=TaskQueue(name=task_queue),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        )
    )
    oldest = datetime.now(UTC) - POLL
    return [each.identity for each in described.pollers if each.last_access_time.ToDatetime(UTC) > oldest]


@contextmanager
def translate_rpc_errors(order_id: str | None = None, by_worker: bool = False) -> Iterator[None]:
    """Translate the errors of Temporal's client into ours. For the parameters see `map_rpc_error`."""
    try:
        yield
    except (RPCError, WorkflowQueryFailedError, RuntimeError) as error:
        raise map_rpc_error(error, order_id, by_worker) from None


def map_rpc_error(error: Exception, order_id: str | None = None, by_worker: bool = False) -> Exception:
    """Return our error for an error of Temporal's client, or the error itself if we have none.

    `order_id` is the order that the call was about, if any. With `by_worker`, a worker had to answer, so a missing
    answer means that no worker is running.
    """
    if isinstance(error, WorkflowQueryFailedError):
        return WorkerUnavailable(f"The worker cannot show order {order_id}: {error}")
    if not isinstance(error, RPCError):  # a lazy connection raises a bare RuntimeError
        return _unconnected(error) if "client connect" in str(error) else error
    about_order = None if order_id is None else _of_order(error, order_id, by_worker)
    return about_order or _of_temporal(error, order_id)


def stuck(order_id: str) -> WorkerUnavailable:
    """The error for an order that no worker makes progress with."""
    return WorkerUnavailable(
        f"Order {order_id} is in Temporal, but makes no progress: no worker has begun it yet, or its workflow "
        "task keeps failing because of a bug or because this version of the worker cannot read it. Nothing is lost. "
        "See the worker's log and Temporal's Web UI. The order continues when a worker runs that can handle it."
    )


def cancel_recorded(order_id: str) -> VerdictPending:
    """The answer to a cancel of an order that no worker makes progress with."""
    return VerdictPending(
        f"The cancel of order {order_id} is recorded, but the order makes no progress at the moment: its workflow task "
        "keeps failing because of a bug or because this version of the worker cannot read it. The cancel takes effect "
        "when a worker runs that can handle it. Cancel again then, or check with `ordersaga show`."
    )


def is_not_ready(error: RPCError) -> bool:
    """Whether a query failed because the run's workflow task fails or none has succeeded yet."""
    return any(detail.type_url.endswith("WorkflowNotReadyFailure") for detail in error.grpc_status.details)


def _of_order(error: RPCError, order_id: str, by_worker: bool) -> OrdersagaError | None:
    if error.status is RPCStatusCode.NOT_FOUND and not _is_namespace_unknown(error):
        return OrderNotFound(f"There is no order {order_id} (no workflow order-{order_id} in this namespace).")
    if is_not_ready(error):
        return stuck(order_id)
    if error.status is RPCStatusCode.FAILED_PRECONDITION or (by_worker and error.status in _TOOK_TOO_LONG):
        return WorkerUnavailable(
            f"Order {order_id} is in Temporal, but no worker answers for it. "
            "Start one with `ordersaga worker` or `ordersaga up`; then the order continues."
        )
    return None


def _of_temporal(error: RPCError, order_id: str | None) -> Exception:
    if _is_namespace_unknown(error):
        return TemporalUnavailable(
            f"Temporal answers, but: {error} Nothing was started. Set TEMPORAL_NAMESPACE, or create the namespace."
        )
    if error.status in _REFUSED:
        return TemporalUnavailable(
            f"Temporal answers, but rejects this client ({error}). Nothing was done. Check its API key, "
            "certificate and namespace: TEMPORAL_API_KEY, TEMPORAL_TLS_…, TEMPORAL_NAMESPACE."
        )
    if error.status is RPCStatusCode.RESOURCE_EXHAUSTED:
        return TemporalBusy(f"Temporal is overloaded and rejected the call ({error}). {_AGAIN}")
    if error.status in _NO_ANSWER or error.status in _TOOK_TOO_LONG:
        about = "" if order_id is None else f" during a call about order {order_id}"
        return TemporalBusy(
            f"Temporal stopped answering{about} ({error}). The call may or may not have reached it. {_AGAIN}"
        )
    return error


def _is_namespace_unknown(error: RPCError) -> bool:
    return any(detail.type_url.endswith("NamespaceNotFoundFailure") for detail in error.grpc_status.details)


def _unconnected(error: Exception) -> TemporalUnavailable:
    return TemporalUnavailable(
        f"No Temporal server answers: {_problem(error)}. Nothing was done. Try again when it does. "
        "`ordersaga up` starts one here; TEMPORAL_ADDRESS names another."
    )


def _problem(error: Exception) -> str:
    text = str(error)
    if "Connection refused" in text:
        return "connection refused"
    return text[:200] or f"no answer within {CONNECT_TIMEOUT:g} s"
