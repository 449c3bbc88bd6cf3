"""The HTTP API: orders, the worklist, health and metrics, as problem documents and JSON under /v1."""

from ordersaga.web.api.app import add_api

__all__ = ["add_api"]
