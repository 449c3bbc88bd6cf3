"""The names of operations in the OpenAPI document, which generated clients make their methods of."""

from __future__ import annotations

from fastapi.routing import APIRoute


def name_of(route: APIRoute) -> str:
    """The name of the function that answers."""
    return route.name
