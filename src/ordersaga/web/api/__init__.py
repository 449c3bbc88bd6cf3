"""The HTTP API under /v1: orders, the worklist, the audit log, health and metrics. Errors are problem documents."""

from ordersaga.web.api.app import add_api

__all__ = ["add_api"]
