"""Options for ports, and URLs made from them."""

from __future__ import annotations

import typer


def port_option(name: str, server: str) -> typer.models.OptionInfo:
    """An option for a port."""
    option: typer.models.OptionInfo = typer.Option(
        name, min=0, max=65535, metavar="PORT", help=f"Port of {server}; 0 for any free one.", show_default=True
    )
    return option


def url_of(host: str, port: int) -> str:
    """The URL of a server at this host and port."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
