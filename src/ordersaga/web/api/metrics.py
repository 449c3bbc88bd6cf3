"""What the server has done, for Prometheus."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from ordersaga.domain.worklist import Attention, WorklistItem

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Metrics:
    """The counters of one server."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        labels = ("route", "method")
        self._requests = Counter(
            "ordersaga_http_requests", "Requests answered.", (*labels, "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "ordersaga_http_request_seconds", "Until the answer began.", labels, registry=self._registry
        )
        self._worklist = Gauge(
            "ordersaga_worklist_orders", "Orders that wait for a person.", ("attention",), registry=self._registry
        )
        self._at_risk = Gauge(
            "ordersaga_worklist_amount_at_risk",
            "What they are about, in units of the currency.",
            ("currency",),
            registry=self._registry,
        )
        self.temporal_up = Gauge("ordersaga_temporal_up", "Whether Temporal answers.", registry=self._registry)

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request. `route` is a template such as /v1/orders/{order_id}, never what a caller has made up."""
        method = method if method in _METHODS else "other"
        self._requests.labels(route, method, str(status)).inc()
        self._seconds.labels(route, method).observe(seconds)

    def set_worklist(self, items: Iterable[WorklistItem]) -> None:
        """Take over what the worklist says."""
        items = list(items)
        waiting = Tally(item.attention for item in items)
        for attention in Attention:
            self._worklist.labels(attention).set(waiting[attention])
        self._at_risk.clear()
        for item in items:
            if item.currency and item.amount_at_risk:
                self._at_risk.labels(item.currency).inc(float(item.amount_at_risk))

    def text(self) -> bytes:
        """Everything, in Prometheus's text format."""
        return generate_latest(self._registry)
