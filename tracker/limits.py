"""How much one network address, token or ticket may ask; when Redis is away, this process counts alone."""

import ipaddress
import time
from functools import lru_cache
from typing import Any

from flask import current_app
from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter

from tracker import settings, store
from tracker.errors import TooSoon

PATIENCE_S = 0.5
"""How long a request waits for Redis."""
ASKED_AGAIN_S = 5
"""How long requests count here once Redis did not answer, before one of them tries it again."""


def hit(name: str, who: str) -> None:
    """Count one request of `who` against a limit; raise TooSoon with the seconds to wait."""
    item, limiter = _item(name), _local() if _is_away() else _limiter()
    try:
        waits_s = _count(limiter, item, name, who)
        if limiter is not _local():
            _found()
    except Exception as error:  # Redis is away: count here rather than open the door
        _lost(error)
        waits_s = _count(_local(), item, name, who)
    if waits_s:
        raise TooSoon(retry_after=waits_s)


def where() -> str:
    """Say where limits are counted, for /readyz: redis, redis is away, or this process."""
    if not settings.current().redis_url:
        return "this process"
    return "redis" if _limiter().storage.check() else "redis is away: this process"


def network(address: str) -> str:
    """Return the network an address is counted by: /24 of IPv4, /64 of IPv6."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if found.version == 6 and found.ipv4_mapped:  # a server that listens on both sees IPv4 like this
        found = found.ipv4_mapped
    prefix = 24 if found.version == 4 else 64
    return str(ipaddress.ip_network(f"{found}/{prefix}", strict=False))


def _item(name: str) -> RateLimitItem:
    chosen = settings.current()
    names = ("opens", "uploads", "reports", "thanks", "waits", "follows")
    hourly = {one: getattr(chosen, f"{one}_per_hour") for one in names}
    if name in hourly:
        return RateLimitItemPerHour(hourly[name])
    counts = {
        "requests": chosen.requests_per_minute,
        "writes": chosen.writes_per_minute,
        "signins": chosen.signins_per_minute,
    }
    return RateLimitItemPerMinute(counts[name])


def _count(limiter: Any, item: RateLimitItem, *who: str) -> int:
    """Count one more of `who`; return for how many seconds they have to wait, 0 when the limit allows it."""
    if limiter.hit(item, *who):
        return 0
    reset = limiter.get_window_stats(item, *who).reset_time
    return max(1, int(reset - store.now().timestamp()) + 1)


def _is_away() -> bool:
    """Say whether Redis was away a moment ago: asking a frozen one would cost each request its patience."""
    asked_again_at: float = current_app.extensions.get("tracker_limits_away", 0)
    return asked_again_at > time.monotonic()


def _lost(error: Exception) -> None:
    if "tracker_limits_away" not in current_app.extensions:
        current_app.logger.warning("limits: Redis is away, counting in this process: %s", error)
    current_app.extensions["tracker_limits_away"] = time.monotonic() + ASKED_AGAIN_S


def _found() -> None:
    if current_app.extensions.pop("tracker_limits_away", None):
        current_app.logger.warning("limits: counting in Redis again")


def _limiter() -> Any:
    found = current_app.extensions.get("tracker_limiter")
    if found is None:
        url = settings.current().redis_url or "memory://"
        patience = {"socket_timeout": PATIENCE_S, "socket_connect_timeout": PATIENCE_S}
        options: dict[str, Any] = patience if url.startswith("redis") else {}
        found = FixedWindowRateLimiter(storage_from_string(url, **options))
        current_app.extensions["tracker_limiter"] = found
    return found


@lru_cache(maxsize=1)
def _local() -> Any:
    return FixedWindowRateLimiter(storage_from_string("memory://"))
