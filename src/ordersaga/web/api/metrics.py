"""Metrics of the web server, for Prometheus."""

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
            "ordersaga_http_requests", "HTTP requests.", (*labels, "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "ordersaga_http_request_seconds", "Time until the response started.", labels, registry=self._registry
        )
        self._worklist = Gauge(
            "ordersaga_worklist_orders", "Orders that need attention.", ("attention",), registry=self._registry
        )
        self._at_risk = Gauge(
            "ordersaga_worklist_amount_at_risk",
            "Money at risk in those orders, in units of the currency.",
            ("currency",),
            registry=self._registry,
        )
        self.temporal_up = Gauge("ordersaga_temporal_up", "Whether Temporal is responding.", registry=self._registry)

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request. `route` is a template such as /v1/orders/{order_id}, so callers cannot create labels."""
        method = method if method in _METHODS else "other"
        self._requests.labels(route, method, str(status)).inc()
        self._seconds.labels(route, method).observe(seconds)

    def set_worklist(self, items: Iterable[WorklistItem]) -> None:
        """Set the worklist's gauges."""
        items = list(items)
        waiting = Tally(item.attention for item in items)
        for attention in Attention:
            self._worklist.labels(attention).set(waiting[attention])
        self._at_risk.clear()
        for item in items:
            if item.currency and item.amount_at_risk:
                self._at_risk.labels(item.currency).inc(float(item.amount_at_risk))

    def text(self) -> bytes:
        """All metrics, in Prometheus's text format."""
        return generate_latest(self._registry)
