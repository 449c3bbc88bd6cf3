"""Rejects requests that other websites make a visitor's browser send (CSRF, DNS rebinding)."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def host_problem(headers: Mapping[str, str]) -> str | None:
    """Why a request to a server without keys is refused for its Host header, or None.

    A website whose name was made to resolve to this machine (DNS rebinding) sends its own name as Host.
    """
    host = headers.get("host", "")
    if is_loopback(_host_name(host)):
        return None
    return f"Without keys this server accepts only names of this machine, such as localhost, and not {host!r}"


def origin_problem(method: str, headers: Mapping[str, str]) -> str | None:
    """Why a request is rejected as sent by another website, or None. Only browsers send these headers.

    Sources: Fetch Metadata (Sec-Fetch-Site, Sec-Fetch-Mode), RFC 6454 (Origin).
    """
    site = headers.get("sec-fetch-site", "none")
    origin = headers.get("origin")
    if method in SAFE_METHODS:
        foreign = site == "cross-site" and headers.get("sec-fetch-mode") != "navigate"
    else:
        foreign = site not in ("none", "same-origin") or (origin is not None and not _same(origin, headers))
    return "The request was sent by a page of another site" if foreign else None


def is_loopback(name: str) -> bool:
    """Whether this name or address belongs to the loopback interface."""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")


def _same(origin: str, headers: Mapping[str, str]) -> bool:
    return urlsplit(origin).netloc.lower() == headers.get("host", "").lower()


def _host_name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
