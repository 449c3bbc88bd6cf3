"""There is a history of every recorded case, with the end that its name says, and without traces of a machine."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from resilience.logic_flags import SINGLE_BATCH
from tests.replay.histories import is_single_batch, recorded
from tests.replay.record import IDENTITY
from tests.replay.recorded_cases import RECORDED_CASES

EVERY = pytest.mark.parametrize("path", recorded(), ids=lambda path: f"{path.parent.name}/{path.stem}")
OF_ORDERS = [path for path in recorded() if path.stem != "round"]
_FORGETFUL = ("too-late-at-last-activity-by-signal", "too-late-at-last-activity-natively")
FORGETFUL = [path for path in recorded() if path.stem in _FORGETFUL]
SERVER = {"history-service", "temporal-system"}
"""Other writers of events: the server itself."""

OF_A_MACHINE = re.compile(
    r"\b\d+@[\w.-]+|(?<![\w.:/])/(?:home|Users|tmp|usr|opt|var|root|work)/|File \"|[A-Z]:\\\\|\.py\b"
)
"""A process at a host, a path, a line of a stack trace."""

ENDS = {
    "completed": "completed",
    "too-late": "completed",
    "refused": "failed",
    "fenced": "failed",
    "unknown": "failed",
    "unreadable": "InvalidOrder",
    "cancelled": "cancelled",
    "undo-retried": "failed",
    "undo-parked": "failed",
    "undo-parked-pivot": "cancelled",
    "resolved": "failed",
    "resolved-forward": "completed",
    "recovered-terminated": "failed",
    "recovered-mail": "completed",
}
"""The end of an order, by the beginning of its case's name. The longest match counts."""


def events_of(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["events"]
    return found


def texts(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Every string with its key, with payloads decoded."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from texts(each, name)
    elif isinstance(value, list):
        for each in value:
            yield from texts(each, key)
    elif isinstance(value, str):
        yield key, base64.b64decode(value).decode() if key in ("data", "encoding") else value


@pytest.mark.parametrize("batched", [False, True])
def test_every_recorded_case_has_a_history_without_and_with_the_flag(batched: bool) -> None:
    missing = RECORDED_CASES.keys() - {path.stem for path in recorded() if is_single_batch(path) is batched}
    assert not missing, f"Record these with `make histories`: {sorted(missing)}"


@EVERY
def test_a_history_is_in_the_folder_of_the_flag_that_its_worker_had(path: Path) -> None:
    completed = [event.get("workflowTaskCompletedEventAttributes", {}) for event in events_of(path)]
    flags = {flag for task in completed for flag in task.get("sdkMetadata", {}).get("langUsedFlags", [])}
    assert (SINGLE_BATCH in flags) is is_single_batch(path)


@EVERY
def test_a_history_has_no_traces_of_a_machine(path: Path) -> None:
    message = list(texts(events_of(path)))
    assert {text for key, text in message if key == "identity"} <= {IDENTITY, *SERVER}
    assert [text for _, text in message if OF_A_MACHINE.search(text)] == []


@pytest.mark.parametrize("path", OF_ORDERS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_an_order_came_to_the_end_that_its_history_is_named_for(path: Path) -> None:
    last = events_of(path)[-1]
    message = dict(texts(last)).get("data", "")
    expected = ENDS[max((start for start in ENDS if path.stem.startswith(start)), key=len)]
    if last["eventType"] == "EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED":
        assert json.loads(message)["status"] == expected
    elif last["eventType"] == "EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED":
        assert expected == "cancelled"
    else:
        assert expected in [text for key, text in texts(last) if key == "type"]


@pytest.mark.parametrize("path", FORGETFUL, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_an_order_cancelled_at_its_last_local_activity_forgot_what_it_had_done(path: Path) -> None:
    assert "EVENT_TYPE_WORKFLOW_TASK_FAILED" in [event["eventType"] for event in events_of(path)]
