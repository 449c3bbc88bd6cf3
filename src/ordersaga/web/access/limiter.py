"""How often somebody may ask."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from time import time

from limits import parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter


@dataclass(frozen=True, slots=True)
class Quota:
    """What is left of a rate after a request: how many, and in how many seconds there will be more."""

    allowed: bool
    limit: int
    window: int
    remaining: int
    reset: int

    def headers(self) -> dict[str, str]:
        """The quota in headers (draft-ietf-httpapi-ratelimit-headers-10), with Retry-After if it is used up."""
        headers = {
            "RateLimit-Policy": f'"default";q={self.limit};w={self.window}',
            "RateLimit": f'"default";r={self.remaining};t={self.reset}',
        }
        return headers if self.allowed else headers | {"Retry-After": str(self.reset)}


class Limiter:
    """Counts requests in a sliding window, in this process's memory. Use within one event loop.

    `rate` is in the notation of the library limits, such as 600/minute.
    """

    def __init__(self, rate: str) -> None:
        self._rate = parse(rate)
        self._windows = SlidingWindowCounterRateLimiter(MemoryStorage())

    async def hit(self, who: str) -> Quota:
        """Count a request."""
        allowed = await self._windows.hit(self._rate, who)
        reset, remaining = await self._windows.get_window_stats(self._rate, who)
        seconds = max(1, ceil(reset - time()))
        return Quota(allowed, self._rate.amount, self._rate.get_expiry(), remaining, seconds)
