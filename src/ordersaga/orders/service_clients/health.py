"""Health checks of services."""

from __future__ import annotations

from collections.abc import Mapping

import aiohttp

from ordersaga.domain.errors import ServiceUnavailable


async def check_service(session: aiohttp.ClientSession, url: str, seconds: float) -> Mapping[str, str]:
    """Return the headers of a service's health answer. Raises ServiceUnavailable with the reason if there is none."""
    try:
        async with session.get(f"{url}/healthz", timeout=aiohttp.ClientTimeout(total=seconds)) as answer:
            answer.raise_for_status()
            return answer.headers
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        reason = getattr(error, "strerror", None) or error or type(error).__name__
        raise ServiceUnavailable(f"{url} does not answer: {reason}") from None
