"""Rate limits."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from time import time

from limits import parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter


@dataclass(frozen=True, slots=True)
class Quota:
    """The state of a rate limit after a request: requests remaining, and seconds until the window resets."""

    allowed: bool
    limit: int
    window: int
    remaining: int
    reset: int

    def headers(self) -> dict[str, str]:
        """The quota as headers (draft-ietf-httpapi-ratelimit-headers-10), with Retry-After if the limit is exceeded."""
        headers = {
            "RateLimit-Policy": f'"default";q={self.limit};w={self.window}',
            "RateLimit": f'"default";r={self.remaining};t={self.reset}',
        }
        return headers if self.allowed else headers | {"Retry-After": str(self.reset)}


class Limiter:
    """Counts requests in a sliding window, in this process's memory. Use within one event loop.

    `rate` uses the notation of the library `limits`, such as 600/minute.
    """

    def __init__(self, rate: str) -> None:
        self._rate = parse(rate)
        self._windows = SlidingWindowCounterRateLimiter(MemoryStorage())

    async def hit(self, subject: str) -> Quota:
        """Count a request of this subject, such as a key or an address."""
        allowed = await self._windows.hit(self._rate, subject)
        reset, remaining = await self._windows.get_window_stats(self._rate, subject)
        seconds = max(1, ceil(reset - time()))
        return Quota(allowed, self._rate.amount, self._rate.get_expiry(), remaining, seconds)
