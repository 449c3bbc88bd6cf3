"""Resets as an operator makes them: a run restarts from one of its workflow tasks."""

from __future__ import annotations

from uuid import uuid4

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import Client


async def ends_of_tasks(temporal: Client, workflow_id: str) -> list[int]:
    """The ids of the events that completed the workflow tasks of a workflow's latest run."""
    handle = temporal.get_workflow_handle(workflow_id)
    return [
        event.event_id
        async for event in handle.fetch_history_events()
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
    ]


async def reset(temporal: Client, workflow_id: str, task: int = 0) -> None:
    """Reset a workflow's latest run to one of its workflow tasks, counted from 0. A running run is terminated.

    Raises AssertionError if it has fewer tasks, or if there is no new run.
    """
    handle = temporal.get_workflow_handle(workflow_id)
    before, ends = (await handle.describe()).run_id, await ends_of_tasks(temporal, workflow_id)
    if task >= len(ends):
        raise AssertionError(f"the run has only {len(ends)} workflow tasks")
    await temporal.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=temporal.namespace,
            workflow_execution=WorkflowExecution(workflow_id=workflow_id, run_id=before),
            workflow_task_finish_event_id=ends[task],
            request_id=str(uuid4()),
            reason="for a test",
        )
    )
    if (await handle.describe()).run_id == before:
        raise AssertionError("the reset started no new run")
