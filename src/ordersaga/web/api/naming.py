"""Operation ids in the OpenAPI document. Generated clients name their methods after them."""

from __future__ import annotations

from fastapi.routing import APIRoute


def name_of(route: APIRoute) -> str:
    """Use the name of the route's function."""
    return route.name
