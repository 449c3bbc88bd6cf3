"""The sandbox for workflow code: tests run orders in it; a worker does without."""

from __future__ import annotations

from temporalio.worker import UnsandboxedWorkflowRunner, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

PASSED_THROUGH = (
    *("pydantic", "pydantic_core", "annotated_types", "iso4217"),
    *("ordersaga.domain", "ordersaga.contracts", "ordersaga.saga", "ordersaga.activities", "ordersaga.clients"),
)
"""Modules that the sandbox does not load anew for every order: models keep no state and read no clock, and loading them
takes 20 ms each time. The workflow's own modules stay inside, so that a clock or a random number used in them is
refused."""


def workflow_runner(*, sandboxed: bool) -> WorkflowRunner:
    """What runs workflow code.

    The sandbox finds workflow code that reads a clock, draws a random number or waits for the network. It finds the
    same at every order, so it is enough that tests and replays run in it; it would cost a worker a tenth of an order's
    CPU.
    """
    if not sandboxed:
        return UnsandboxedWorkflowRunner()
    restrictions = SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH)
    return SandboxedWorkflowRunner(restrictions=restrictions)
