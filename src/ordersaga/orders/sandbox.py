"""The sandbox for workflow code: tests run orders in it; a worker does without."""

from __future__ import annotations

from temporalio.converter import DataConverter
from temporalio.worker import UnsandboxedWorkflowRunner, WorkflowInstance, WorkflowInstanceDetails, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from ordersaga.orders.connection import DATA_CONVERTER

PASSED_THROUGH = (
    *("pydantic", "pydantic_core", "annotated_types", "iso4217"),
    *(
        "ordersaga.domain",
        "ordersaga.contracts",
        "ordersaga.saga",
        "ordersaga.orders.activities",
        "ordersaga.orders.service_clients",
    ),
)
"""Modules that the sandbox does not load anew for every order: models keep no state and read no clock, and loading them
takes 20 ms each time. The workflow's own modules stay inside, so that a clock or a random number used in them is
refused."""


class _WithoutContexts(UnsandboxedWorkflowRunner):
    """Runs workflow code, and does not work out for every payload which activity or workflow it belongs to.

    The SDK asks for that so that a converter can treat payloads by whose they are. Ours treats all alike, and the
    answer costs a twentieth of a worker's CPU.
    """

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        instance = super().create_instance(det)
        instance.get_serialization_context = _no_context  # type: ignore[method-assign, assignment]
        return instance


def _no_context(_command: object) -> None:
    return None


def workflow_runner(converter: DataConverter, *, sandboxed: bool) -> WorkflowRunner:
    """What runs workflow code whose payloads go through this converter.

    The sandbox finds workflow code that reads a clock, draws a random number or waits for the network. It finds the
    same at every order, so it is enough that tests and replays run in it; it would cost a worker a tenth of an order's
    CPU.
    """
    if not sandboxed:
        return _WithoutContexts() if converter is DATA_CONVERTER else UnsandboxedWorkflowRunner()
    restrictions = SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH)
    return SandboxedWorkflowRunner(restrictions=restrictions)
