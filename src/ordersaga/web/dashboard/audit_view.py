"""The audit's page: who did what, when, on which order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ordersaga.domain.audit_log import AuditFilter, AuditItem, AuditKind, AuditPage
from ordersaga.web.access import Caller
from ordersaga.web.dashboard.labels import label, step_labels
from ordersaga.web.dashboard.layout import layout_of
from ordersaga.web.dashboard.reading import Readings
from ordersaga.web.dashboard.rendering import url
from ordersaga.web.dashboard.views import Query, View, all_of, if_known, is_id
from ordersaga.web.reads.cache import Snapshot

A_PAGE = 50
_FILTERS = ("order_id", "by", "kind")
_LONGEST = 255


@dataclass(frozen=True)
class Entry:
    """Something that a person did, in words. `said` is what they wrote."""

    at: datetime
    by: str
    kind: str
    order_id: str
    what: str
    said: str


async def audit_view(readings: Readings, caller: Caller, query: Query) -> View:
    """What people did, newest first. Raises InvalidCursor."""
    overview = readings.state.overview
    said = {name: query.get(name, "").strip()[:_LONGEST] for name in _FILTERS}
    cursor = query.get("cursor") or None
    kind = AuditKind(said["kind"]) if said["kind"] in list(AuditKind) else None
    wanted = AuditFilter(said["order_id"] or None, said["by"] or None, kind)
    asked = not said["order_id"] or is_id(said["order_id"])
    known: Snapshot[AuditPage] | None = None
    if asked:
        known = await if_known(overview.audit(wanted, cursor, A_PAGE))
    older = known.value.next if known else None
    return View(
        "audit.html",
        {
            "layout": await layout_of(overview, "audit", caller, all_of(known)),
            "entries": [entry_of(item) for item in known.value.items] if known else [],
            "known": known is not None or not asked,
            "filter": said,
            "filtered": any(said.values()),
            "kinds": list(AuditKind),
            "live_url": "" if cursor else url("/live/audit", said),
            "newest_url": url("/audit", said) if cursor else None,
            "older_url": url("/audit", said | {"cursor": older}) if older else None,
        },
        {"list": "_audit.html"},
    )


def entry_of(item: AuditItem) -> Entry:
    """An entry of the audit in words."""
    return Entry(
        at=item.at,
        by=item.by or "",
        kind=item.kind,
        order_id=item.order_id,
        what=_what(item),
        said=item.text or item.note or item.reason or "",
    )


def _what(item: AuditItem) -> str:
    match item.kind:
        case AuditKind.DECISION:
            said = step_labels(item.step or "")
            return f"{label(item.choice or '')}: {(said.undo if item.undoing else said.do).title}"
        case AuditKind.NOTE:
            return "Note"
        case AuditKind.CANCEL_REQUESTED:
            return "Asked for a cancel"
    return label(item.kind)
