"""What people have decided on an order, by Temporal's own record: what was sent to its runs, whatever its result says.

A run writes its result itself, so one that gave up by itself could say there that somebody had told it to.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.update.v1 import Request
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from ordersaga.domain.result import DecisionEntry
from ordersaga.domain.worklist import OrderDecision, Recovery
from ordersaga.orders import executions
from ordersaga.orders.workflows.ids import recovery_id, workflow_id
from ordersaga.orders.workflows.recovery import OrderRecoveryWorkflow

_RESOLVE = "resolve"


async def by_people(temporal: Client, order_id: str, said: list[DecisionEntry]) -> list[DecisionEntry]:
    """Those of the decisions in a result that somebody sent to the order, or to its recovery.

    All of them, once Temporal has forgotten the order's run: nobody can tell then.
    """
    if not said:
        return []
    try:
        sent = [each async for each in _sent_to(temporal, workflow_id(order_id))]
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return said
        raise
    if await executions.find_recovery(temporal, order_id) is not None:
        sent += [each async for each in _sent_to(temporal, recovery_id(order_id))]
    known = {(each.choice, each.by, each.note) for each in sent}
    return [entry for entry in said if (entry.choice, entry.by, entry.note) in known]


async def _sent_to(temporal: Client, run: str) -> AsyncIterator[OrderDecision]:
    async for event in temporal.get_workflow_handle(run).fetch_history_events():
        started = event.workflow_execution_started_event_attributes
        if started.workflow_type.name == OrderRecoveryWorkflow.__name__:  # which may begin with a decision
            (recovery,) = await temporal.data_converter.decode(started.input.payloads, [Recovery])
            if recovery.decision is not None:
                yield recovery.decision
        request = _request(event)
        if request.input.name == _RESOLVE:
            (decision,) = await temporal.data_converter.decode(request.input.args.payloads, [OrderDecision])
            yield decision


def _request(event: HistoryEvent) -> Request:
    """The update that an event took in; an empty one if it took in none. A reset admits the updates again."""
    if event.HasField("workflow_execution_update_admitted_event_attributes"):
        return event.workflow_execution_update_admitted_event_attributes.request
    return event.workflow_execution_update_accepted_event_attributes.accepted_request
