"""The sandbox: it rejects a clock, and a codec gets the workflow of each payload if it needs it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Self

from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.converter import (
    ActivitySerializationContext,
    PayloadCodec,
    SerializationContext,
    WithSerializationContext,
    WorkflowSerializationContext,
)
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import RestrictedWorkflowAccessError

from ordersaga.domain.result import OrderStatus
from ordersaga.orders.client import OrderClient
from ordersaga.orders.connection import DATA_CONVERTER, connect
from ordersaga.orders.sandbox import workflow_runner
from ordersaga.orders.worker import order_worker
from ordersaga.settings import Settings
from ordersaga.stack.dev_server import temporal_server
from tests.workflow.clocks import ClockWorkflow
from tests.workflow.environment import OrderEnvironment


class KeyedCodec(PayloadCodec, WithSerializationContext):
    """Encodes each payload with a key of its workflow. With another workflow, or none, it cannot decode it."""

    def __init__(self, key: str = "none") -> None:
        self._key = key

    def with_context(self, context: SerializationContext) -> Self:
        assert isinstance(context, WorkflowSerializationContext | ActivitySerializationContext)
        return type(self)(str(context.workflow_id))

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [Payload(metadata={"key": self._key.encode()}, data=each.SerializeToString()) for each in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        for each in payloads:
            assert each.metadata["key"].decode() == self._key
        return [Payload.FromString(each.data) for each in payloads]


async def test_workflow_code_that_reads_a_clock_fails_its_task(temporal: Client) -> None:
    runner = workflow_runner(DATA_CONVERTER, sandboxed=True)
    worker = Worker(temporal, task_queue="clocks", workflows=[ClockWorkflow], workflow_runner=runner)
    async with worker:
        handle = await temporal.start_workflow("ClockWorkflow", id="clock", task_queue="clocks")
        failure: Any = None
        async for event in handle.fetch_history_events(wait_new_event=True):
            if event.HasField("workflow_task_failed_event_attributes"):
                failure = event.workflow_task_failed_event_attributes.failure
                break
        await handle.terminate()

    assert failure.application_failure_info.type == RestrictedWorkflowAccessError.__name__


async def test_a_codec_with_a_key_per_workflow_gets_the_workflow(
    env: OrderEnvironment, settings: Settings, order_id: str
) -> None:
    async with temporal_server() as address:  # its own, because others could not decode these orders
        converter = dataclasses.replace(DATA_CONVERTER, payload_codec=KeyedCodec())
        orders = OrderClient(await connect(target_host=address, data_converter=converter), settings)
        for sandboxed in (False, True):
            async with order_worker(orders.temporal, settings, sandboxed=sandboxed):
                result = await orders.place_order(await env.order(f"{order_id}-{sandboxed}"))
                assert result.status is OrderStatus.COMPLETED
