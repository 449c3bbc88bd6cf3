"""The audit log's page: who did what, when, on which order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ordersaga.domain.audit_log import AuditFilter, AuditItem, AuditKind, AuditPage
from ordersaga.web.access import Caller
from ordersaga.web.dashboard.labels import decision_label, label, step_labels
from ordersaga.web.dashboard.layout import layout_of
from ordersaga.web.dashboard.reading import Readings
from ordersaga.web.dashboard.rendering import url
from ordersaga.web.dashboard.views import Query, View, is_id, snapshot_or_none, snapshots
from ordersaga.web.reads.cache import Snapshot

PAGE_SIZE = 50
_FILTERS = ("order_id", "by", "kind")
_MAX_LENGTH = 255


@dataclass(frozen=True)
class Entry:
    """One action, as shown. `text` is what the person wrote."""

    at: datetime
    by: str
    kind: str
    order_id: str
    action: str
    text: str


async def audit_view(readings: Readings, caller: Caller, query: Query) -> View:
    """The audit log, newest first. Raises InvalidCursor."""
    reads = readings.state.reads
    filters = {name: query.get(name, "").strip()[:_MAX_LENGTH] for name in _FILTERS}
    cursor = query.get("cursor") or None
    kind = AuditKind(filters["kind"]) if filters["kind"] in list(AuditKind) else None
    audit_filter = AuditFilter(filters["order_id"] or None, filters["by"] or None, kind)
    valid = not filters["order_id"] or is_id(filters["order_id"])
    known: Snapshot[AuditPage] | None = None
    if valid:
        known = await snapshot_or_none(reads.audit(audit_filter, cursor, PAGE_SIZE))
    older = known.value.next if known else None
    return View(
        "audit.html",
        {
            "layout": await layout_of(reads, "audit", caller, snapshots(known)),
            "entries": [entry_of(item) for item in known.value.items] if known else [],
            "available": known is not None or not valid,
            "filter": filters,
            "filtered": any(filters.values()),
            "kinds": list(AuditKind),
            "live_url": "" if cursor else url("/live/audit", filters),
            "newest_url": url("/audit", filters) if cursor else None,
            "older_url": url("/audit", filters | {"cursor": older}) if older else None,
        },
        {"list": "_audit.html"},
    )


def entry_of(item: AuditItem) -> Entry:
    """An audit entry as shown."""
    return Entry(
        at=item.at,
        by=item.by or "",
        kind=item.kind,
        order_id=item.order_id,
        action=_action(item),
        text=item.text or item.note or item.reason or "",
    )


def _action(item: AuditItem) -> str:
    match item.kind:
        case AuditKind.DECISION:
            step = step_labels(item.step or "")
            return f"{decision_label(item.choice or '')}: {(step.undo if item.undoing else step.do).title}"
        case AuditKind.NOTE:
            return "Note"
        case AuditKind.CANCEL_REQUESTED:
            return "Requested cancellation"
    return label(item.kind)
