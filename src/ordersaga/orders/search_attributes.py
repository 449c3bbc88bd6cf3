"""The search attributes of orders: their names, which ones are missing, and how to add them."""

from __future__ import annotations

from collections.abc import Iterable

import structlog
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.common import SearchAttributeIndexedValueType
from temporalio.service import RPCError

from ordersaga.orders.workflows.projection import SEARCH_ATTRIBUTES

log = structlog.get_logger(__name__)

NAMES = tuple(key.name for key in SEARCH_ATTRIBUTES)

_TYPES = {
    SearchAttributeIndexedValueType.KEYWORD: "Keyword",
    SearchAttributeIndexedValueType.INT: "Int",
    SearchAttributeIndexedValueType.DATETIME: "Datetime",
}


TYPES = {key.name: _TYPES[key.indexed_value_type] for key in SEARCH_ATTRIBUTES}
"""The type of each search attribute, as Temporal's tools call it."""


async def missing_search_attributes(client: Client) -> list[str]:
    """Our search attributes that the server does not know. Raises RPCError."""
    request = ListSearchAttributesRequest(namespace=client.namespace)
    known = await client.operator_service.list_search_attributes(request)
    return [name for name in NAMES if name not in known.custom_attributes]


async def ensure_search_attributes(client: Client) -> bool:
    """Add our search attributes if they are missing and we have the permission. Otherwise log the command to run.

    Returns whether they exist. Orders run without them too, but Temporal's own lists cannot be filtered by them.
    """
    try:
        missing = await missing_search_attributes(client)
        if missing:
            wanted = {
                key.name: IndexedValueType.ValueType(key.indexed_value_type)
                for key in SEARCH_ATTRIBUTES
                if key.name in missing
            }
            request = AddSearchAttributesRequest(namespace=client.namespace, search_attributes=wanted)
            await client.operator_service.add_search_attributes(request)
            log.info("search attributes added", names=missing)
    except RPCError as error:
        log.warning(
            "search attributes could not be added; orders run, but Temporal's lists cannot be filtered by them",
            problem=str(error),
            run=creation_command(client, NAMES),
        )
        return False
    return True


def creation_command(client: Client, names: Iterable[str]) -> str:
    """The command that adds these search attributes by hand."""
    flags = " ".join(f"--name {name} --type {TYPES[name]}" for name in names)
    return f"temporal operator search-attribute create --namespace {client.namespace} {flags}"
