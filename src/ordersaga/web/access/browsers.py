"""Which requests of browsers are served: what another web page makes a browser send is not its user's will."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def host_problem(headers: Mapping[str, str]) -> str | None:
    """Why a request to a server without keys is refused for its Host header, or None.

    A page on the web whose name was made to lead to this machine (DNS rebinding) comes with its own name as Host.
    """
    host = headers.get("host", "")
    if is_loopback(_name(host)):
        return None
    return f"Without keys this server answers only to the names of this machine, such as localhost, and not to {host!r}"


def origin_problem(method: str, headers: Mapping[str, str]) -> str | None:
    """Why a request is refused as sent by another site's page, or None. Other programs than browsers say nothing.

    Sources: Fetch Metadata (Sec-Fetch-Site, Sec-Fetch-Mode), RFC 6454 (Origin).
    """
    site = headers.get("sec-fetch-site", "none")
    origin = headers.get("origin")
    if method in SAFE_METHODS:
        foreign = site == "cross-site" and headers.get("sec-fetch-mode") != "navigate"
    else:
        foreign = site not in ("none", "same-origin") or (origin is not None and not _same(origin, headers))
    return "The request was sent by the page of another site" if foreign else None


def is_loopback(name: str) -> bool:
    """Whether this name or address is of this machine only."""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")


def _same(origin: str, headers: Mapping[str, str]) -> bool:
    return urlsplit(origin).netloc.lower() == headers.get("host", "").lower()


def _name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
