"""The recorded histories: where they are, how they are written, and the moments at which one may end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory

from resilience.logic_flags import SINGLE_BATCH

WORKFLOW_TASK_STARTED = EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED
FOLDER = Path(__file__).parent / "histories"
"""A folder per version and, if its workers had one of the SDK's logic flags on, per flag: `0.1.0` and `0.1.0-flag-2`.
Each has one file per recorded case."""

_FLAG = f"-flag-{SINGLE_BATCH:d}"


def recorded() -> list[Path]:
    """The files of all histories, of all versions and flags."""
    return sorted(FOLDER.glob("*/*.json"))


def path_of(play: str, *, single_batch: bool, of_version: str = version("ordersaga")) -> Path:
    """The path of the history of a case, for a version and the flag of its worker."""
    return FOLDER / f"{of_version}{_FLAG if single_batch else ''}" / f"{play}.json"


def is_single_batch(path: Path) -> bool:
    """Whether the worker of this history had the flag on."""
    return path.parent.name.endswith(_FLAG)


def write(path: Path, history: WorkflowHistory) -> None:
    """Write a history, one event per line, without stack traces: they contain paths, and no replay reads them."""
    events = _without_stack_traces(history.to_json_dict()["events"])
    lines = [json.dumps(event, separators=(",", ":")) for event in events]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('{"events":[\n' + ",\n".join(lines) + "\n]}\n", encoding="utf-8")


def read(path: Path) -> WorkflowHistory:
    """Read a history."""
    document = json.loads(path.read_text(encoding="utf-8"))
    started = document["events"][0]["workflowExecutionStartedEventAttributes"]
    return WorkflowHistory.from_json(started["workflowId"], document)


def prefixes(history: WorkflowHistory) -> Iterator[WorkflowHistory]:
    """The history at every moment of its run, from its first workflow task on; the last one is complete.

    Before that task there is nothing to replay, and the Replayer would wait forever. The server writes the completion
    of a workflow task together with the task's commands, so no history ends between those. It may end after every other
    event: a worker may get the order at that moment, or a query may arrive.
    """
    events = history.events
    first = next(place for place, event in enumerate(events, 1) if event.event_type == WORKFLOW_TASK_STARTED)
    for end in range(first, len(events) + 1):
        if end == len(events) or not _came_with_its_task(events[end]):
            yield WorkflowHistory(history.workflow_id, events[:end])


def _came_with_its_task(event: Any) -> bool:
    attributes = getattr(event, event.WhichOneof("attributes"))
    return "workflow_task_completed_event_id" in attributes.DESCRIPTOR.fields_by_name


def _without_stack_traces(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_stack_traces(item) for item in value]
    if isinstance(value, dict):
        return {key: _without_stack_traces(item) for key, item in value.items() if key != "stackTrace"}
    return value
