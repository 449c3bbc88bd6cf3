"""People's decisions on an order, from Temporal's own record: what was sent to its runs, not what its result says.

A run writes its result itself. So a run that gave up by itself could claim that a person told it to.
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


async def sent_by_people(temporal: Client, order_id: str, reported: list[DecisionEntry]) -> list[DecisionEntry]:
    """The decisions in a result that a person really sent to the order or to its recovery.

    Returns all of them if Temporal has deleted the order's run, because then nobody can tell.
    """
    if not reported:
        return []
    try:
        sent = [each async for each in _sent_to(temporal, workflow_id(order_id))]
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return reported
        raise
    if await executions.find_recovery(temporal, order_id) is not None:
        sent += [each async for each in _sent_to(temporal, recovery_id(order_id))]
    known = {(each.choice, each.by, each.note) for each in sent}
    return [entry for entry in reported if (entry.choice, entry.by, entry.note) in known]


async def _sent_to(temporal: Client, run: str) -> AsyncIterator[OrderDecision]:
    async for event in temporal.get_workflow_handle(run).fetch_history_events():
        started = event.workflow_execution_started_event_attributes
        if started.workflow_type.name == OrderRecoveryWorkflow.__name__:  # a recovery may begin with a decision
            (recovery,) = await temporal.data_converter.decode(started.input.payloads, [Recovery])
            if recovery.decision is not None:
                yield recovery.decision
        request = _request(event)
        if request.input.name == _RESOLVE:
            (decision,) = await temporal.data_converter.decode(request.input.args.payloads, [OrderDecision])
            yield decision


def _request(event: HistoryEvent) -> Request:
    """The update that an event accepted, or an empty one if it accepted none. A reset admits the updates again."""
    if event.HasField("workflow_execution_update_admitted_event_attributes"):
        return event.workflow_execution_update_admitted_event_attributes.request
    return event.workflow_execution_update_accepted_event_attributes.accepted_request
