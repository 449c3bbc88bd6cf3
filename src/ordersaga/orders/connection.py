"""The connection to Temporal, configured the way Temporal's own tools are."""

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
"""A worker that has not asked for work for so long is gone; a poll takes a minute."""

_TOOK_TOO_LONG = (RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED)
_NO_ANSWER = (RPCStatusCode.UNAVAILABLE, RPCStatusCode.UNKNOWN)
_REFUSED = (RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNAUTHENTICATED)
_AGAIN = "Ask again when it answers: nothing is done twice."


class StoredJsonConverter(PydanticJSONPlainPayloadConverter):
    """Reads what any version of this program has stored: fields that this one does not know are left out."""

    def from_payload(self, payload: Payload, type_hint: type | None = None) -> Any:
        """A value of this type. An order that breaks the rules of this version is an UnreadOrder."""
        return _adapter(type_hint or Any).validate_json(payload.data, extra="ignore", context=STORED)


_adapter = lru_cache(maxsize=1024)(TypeAdapter)
_MADE_ONCE = CompositePayloadConverter(
    *(
        StoredJsonConverter() if isinstance(each, PydanticJSONPlainPayloadConverter) else each
        for each in PydanticPayloadConverter().converters.values()
    )
)


class OrderPayloadConverter(PydanticPayloadConverter):
    """Pydantic's payload converter, made once: the SDK makes two for each activation of a workflow, caches empty."""

    def __init__(self) -> None:
        self.converters = _MADE_ONCE.converters


DATA_CONVERTER = DataConverter(payload_converter_class=OrderPayloadConverter)


async def connect(**overrides: Any) -> Client:
    """Connect to Temporal as its environment configuration says: TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, a TOML profile…

    Keyword arguments go before those, as arguments of `temporalio.client.Client.connect`. Raises TemporalUnavailable
    when no server answers within ten seconds, and SettingsError when the configuration cannot be read. With `lazy=True`
    the first call connects, and in_our_words translates what it then raises.
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


@contextmanager
def translate_rpc_errors(order_id: str | None = None, by_worker: bool = False) -> Iterator[None]:
    """Turn what Temporal's client raises into our errors. For the parameters see `map_rpc_error`."""
    try:
        yield
    except (RPCError, WorkflowQueryFailedError, RuntimeError) as error:
        raise map_rpc_error(error, order_id, by_worker) from None


def map_rpc_error(error: Exception, order_id: str | None = None, by_worker: bool = False) -> Exception:
    """Our error for one of Temporal's client; the error itself if we have none.

    `order_id` is the order that Temporal was asked about, if it was one. With `by_worker`, a worker had to answer, so
    a missing answer means that no worker runs.
    """
    if isinstance(error, WorkflowQueryFailedError):
        return WorkerUnavailable(f"The worker cannot tell about order {order_id}: {error}")
    if not isinstance(error, RPCError):  # a lazy connection says so with a bare RuntimeError
        return _unconnected(error) if "client connect" in str(error) else error
    about_order = None if order_id is None else _of_order(error, order_id, by_worker)
    return about_order or _of_temporal(error, order_id)


def stuck(order_id: str) -> WorkerUnavailable:
    """What to say of an order that no worker gets on with."""
    return WorkerUnavailable(
        f"Order {order_id} is with Temporal, but no worker gets on with it: none has begun it yet, or its workflow "
        "task keeps failing, by a bug or because this version of the worker cannot read it. Nothing is lost. See "
        "the worker's log and Temporal's Web UI; the order goes on when a worker runs that can."
    )


def cancel_recorded(order_id: str) -> VerdictPending:
    """What to say of a cancel of an order that no worker gets on with."""
    return VerdictPending(
        f"The cancel of order {order_id} is recorded, but the order cannot go on at the moment: its workflow task "
        "keeps failing, by a bug or because this version of the worker cannot read it. The cancel is heeded as soon "
        "as a worker runs that can. Ask again then, or look with `ordersaga show`."
    )


def is_not_ready(error: RPCError) -> bool:
    """Whether a run could not be asked because its workflow task fails, or none has succeeded yet."""
    return any(detail.type_url.endswith("WorkflowNotReadyFailure") for detail in error.grpc_status.details)


def _of_order(error: RPCError, order_id: str, by_worker: bool) -> OrdersagaError | None:
    if error.status is RPCStatusCode.NOT_FOUND and not _is_namespace_unknown(error):
        return OrderNotFound(f"There is no order {order_id} (no workflow order-{order_id} in this namespace).")
    if is_not_ready(error):
        return stuck(order_id)
    if error.status is RPCStatusCode.FAILED_PRECONDITION or (by_worker and error.status in _TOOK_TOO_LONG):
        return WorkerUnavailable(
            f"Order {order_id} is with Temporal, but no worker answers for it. "
            "Start one with `ordersaga worker` or `ordersaga up`; the order goes on then."
        )
    return None


def _of_temporal(error: RPCError, order_id: str | None) -> Exception:
    if _is_namespace_unknown(error):
        return TemporalUnavailable(
            f"Temporal answers, but: {error} Nothing was started. Set TEMPORAL_NAMESPACE, or create the namespace."
        )
    if error.status in _REFUSED:
        return TemporalUnavailable(
            f"Temporal answers, but refuses this client ({error}). Nothing was done. Check its API key, "
            "certificate and namespace: TEMPORAL_API_KEY, TEMPORAL_TLS_…, TEMPORAL_NAMESPACE."
        )
    if error.status is RPCStatusCode.RESOURCE_EXHAUSTED:
        return TemporalBusy(f"Temporal is busier than it may be, and turned down what it was asked ({error}). {_AGAIN}")
    if error.status in _NO_ANSWER or error.status in _TOOK_TOO_LONG:
        about = "" if order_id is None else f" while it was asked about order {order_id}"
        return TemporalBusy(
            f"Temporal stopped answering{about} ({error}). What was asked may have reached it or not. {_AGAIN}"
        )
    return error


def _is_namespace_unknown(error: RPCError) -> bool:
    return any(detail.type_url.endswith("NamespaceNotFoundFailure") for detail in error.grpc_status.details)


def _unconnected(error: Exception) -> TemporalUnavailable:
    return TemporalUnavailable(
        f"No Temporal server answers: {_problem(error)}. Nothing was done. Ask again when it does. "
        "`ordersaga up` starts one here; TEMPORAL_ADDRESS names another."
    )


def _problem(error: Exception) -> str:
    text = str(error)
    if "Connection refused" in text:
        return "connection refused"
    return text[:200] or f"no answer within {CONNECT_TIMEOUT:g} s"
