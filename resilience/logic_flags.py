"""The SDK's workflow logic flags, and workers that have one of them on.

As a program, it is `ordersaga` with flag 2 on: `python -m resilience.logic_flags worker`.

A flag changes the order in which the SDK runs workflow code. A worker writes the flags that it used into the history,
so that a replay runs the code in the same order.
"""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from temporalio.worker import _replayer, _workflow
from temporalio.worker._workflow_instance import _DEFAULT_ENABLED_WORKFLOW_LOGIC_FLAGS, _WorkflowLogicFlag

LogicFlag = _WorkflowLogicFlag
SINGLE_BATCH = LogicFlag.PROCESS_WORKFLOW_ACTIVATION_JOBS_AS_SINGLE_BATCH
"""Apply all jobs of an activation before any task of the workflow runs. A later SDK will have it on by default."""

KNOWN = {1, 2}
"""The flags that the tests cover. Flag 1 is recorded wherever it had an effect, and cannot be turned off."""


@contextmanager
def single_batch(enabled: bool) -> Iterator[None]:
    """Turn the flag on or off for every Worker and Replayer that is created in this block."""
    default = _DEFAULT_ENABLED_WORKFLOW_LOGIC_FLAGS
    flags = default | {SINGLE_BATCH} if enabled else default - {SINGLE_BATCH}
    name = "_DEFAULT_ENABLED_WORKFLOW_LOGIC_FLAGS"
    with patch.object(_workflow, name, flags), patch.object(_replayer, name, flags):
        yield


if __name__ == "__main__":
    with single_batch(enabled=True):
        runpy.run_module("ordersaga", run_name="__main__", alter_sys=True)
