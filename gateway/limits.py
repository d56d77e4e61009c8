"""Rate limits: sliding windows counted in this process. A background task shares the counts with other gateways through Redis.

A count's key names the second when nobody needs it any more. A sweep removes keys whose second has passed, or is further ahead than
a gateway writes: an attacker with the gateways' password may have left them without an expiry.
"""

import asyncio
import hashlib
import logging
import math
import time
from contextlib import suppress
from typing import Any, NamedTuple

from redis.asyncio import Redis
from redis.exceptions import RedisError

from gateway.headers import Headers
from gateway.metrics import limited, limits_swept, limits_synced
from gateway.problems import Refusal
from shared.web.identity import CLOCKS_APART

EVERY_SECONDS = 0.2
BUCKETS = 100_000
SWEEP_SECONDS = 1.0
SWEPT = 500
"""Keys that one step of the sweep looks at, about."""
REST = 4
"""After a step that found keys to remove, in multiples of its time."""
log = logging.getLogger(__name__)


class Policy(NamedTuple):
    """`quota` requests in any `window` seconds."""

    name: str
    quota: int
    window: int
    header: bytes


def policy(name: str, rate: str) -> Policy | None:
    """From `<requests>/<seconds>`, or None for `off`."""
    if rate == "off":
        return None
    quota, window = map(int, rate.split("/"))
    return Policy(name, quota, window, f'"{name}";q={quota};w={window}'.encode())


class Bucket:
    """One client's requests under one policy.

    `count` are those of this window known so far, `previous` those of the window before, `unshared` those not yet in Redis."""

    __slots__ = ("count", "fresh", "key", "policy", "previous", "unshared", "window")

    def __init__(self, policy: Policy, key: str) -> None:
        self.policy = policy
        self.key = key
        self.window = 0
        self.count = 0
        self.previous = 0
        self.unshared = 0
        self.fresh = True

    def take(self, now: float) -> tuple[bool, int, int]:
        """Counts a request if it is allowed. Returns (allowed, requests that remain, seconds until the window ends)."""
        _, quota, seconds, _ = self.policy
        window, elapsed = divmod(now, seconds)
        if window != self.window:
            self.fresh = self.window == 0
            self.previous = self.count if window == self.window + 1 else 0
            self.window, self.count, self.unshared = int(window), 0, 0
        used = self.count + self.previous * (1 - elapsed / seconds)
        allowed = used + 1 <= quota
        if allowed:
            self.count += 1
            self.unshared += 1
            used += 1
        return allowed, max(0, int(quota - used)), math.ceil(seconds - elapsed)

    def retry_after(self, now: float) -> int:
        """Whole seconds until a refused request would be allowed."""
        _, quota, seconds, _ = self.policy
        elapsed = now % seconds
        if self.count < quota and self.previous:
            wait = seconds * (1 - (quota - 1 - self.count) / self.previous) - elapsed
        else:
            wait = seconds - elapsed + seconds * (1 - (quota - 1) / max(self.count, 1))
        return max(1, math.ceil(wait))


class Limits:
    def __init__(self, rates: dict[str, str]) -> None:
        self._policies = {name: made for name, rate in rates.items() if (made := policy(name, rate))}
        self._buckets: dict[tuple[str, str], Bucket] = {}
        self._dirty: set[Bucket] = set()

    def take(self, name: str, key: str, now: float) -> Headers:
        """Counts a request and returns the header fields with the rest of the quota. Raises Refusal (429)."""
        bucket = self._buckets.get((name, key))
        if bucket is None:
            rule = self._policies.get(name)
            if rule is None:
                return []
            bucket = self._buckets[name, key] = Bucket(rule, key)
        allowed, remaining, reset = bucket.take(now)
        headers = [
            (b"ratelimit-policy", bucket.policy.header),
            (b"ratelimit", b'"%s";r=%d;t=%d' % (name.encode(), remaining, reset)),
        ]
        if not allowed:
            rule = bucket.policy
            limited.labels(name).inc()
            headers += [
                (b"retry-after", str(bucket.retry_after(now)).encode()),
                (b"x-ratelimit-limit", str(rule.quota).encode()),
                (b"x-ratelimit-remaining", b"0"),
                (b"x-ratelimit-reset", str(reset).encode()),
            ]
            detail = f"At most {rule.quota} {name} requests in {rule.window} seconds are answered."
            raise Refusal(429, "Too many requests", detail, headers=headers, reason="limited")
        self._dirty.add(bucket)
        return headers

    async def share(self, redis: Redis) -> None:
        """Adds this process's new counts to the common windows and reads their totals. Raises RedisError."""
        dirty, self._dirty = self._dirty, set()
        if len(self._buckets) > BUCKETS:  # bounds memory under a flood of new addresses
            now = time.time()
            live = [one for one in self._buckets.items() if one[1].window >= now // one[1].policy.window - 1]
            self._buckets = dict(live[-BUCKETS // 2 :])
        if not dirty:
            await redis.ping()
            return
        sent = [(bucket, bucket.window, bucket.unshared) for bucket in dirty]
        pipe = redis.pipeline(transaction=False)
        for bucket, window, unshared in sent:
            name = _name(bucket, window)
            pipe.incrby(name, unshared)
            pipe.expire(name, bucket.policy.window * 2)
            pipe.get(_name(bucket, window - 1) if bucket.fresh else name)
        results: list[Any] = await pipe.execute()
        for (bucket, window, unshared), total, before in zip(sent, results[::3], results[2::3], strict=True):
            if bucket.window == window:
                bucket.unshared -= unshared
                bucket.count = int(total) + bucket.unshared
                bucket.previous = int(before or 0) if bucket.fresh else bucket.previous
                bucket.fresh = False

    @property
    def longest_window(self) -> int:
        return max((rule.window for rule in self._policies.values()), default=0)


async def run(limits: Limits, redis: Redis) -> None:
    """Shares the counts for ever; while Redis is away, each gateway uses its own counts."""
    reachable: bool | None = None
    while True:
        await asyncio.sleep(EVERY_SECONDS)
        try:
            await limits.share(redis)
            outcome = True
        except (RedisError, OSError):
            outcome = False
        if outcome != reachable:
            reachable = outcome
            limits_synced.set(int(outcome))
            log.log(
                logging.INFO if outcome else logging.WARNING,
                "rate limits are %s",
                "shared" if outcome else "local: Redis is away",
            )


def _name(bucket: Bucket, window: int) -> str:
    """The Redis key: the second when the next window ends, and the policy, client and window, hashed."""
    rule = bucket.policy
    digest = hashlib.sha256(f"{rule.name} {window} {bucket.key}".encode()).hexdigest()[:24]
    return f"limit:{(window + 2) * rule.window:010d}:{digest}"


async def keep_swept(longest_window: int, redis: Redis) -> None:
    """Sweeps for ever, faster while there is much to remove."""
    loop = asyncio.get_running_loop()
    cursor = 0
    while True:
        began, found = loop.time(), 0
        with suppress(RedisError, OSError):
            cursor, found = await sweep(redis, cursor, longest_window, time.time())
        await asyncio.sleep(REST * (loop.time() - began) if found else SWEEP_SECONDS)


async def sweep(redis: Redis, cursor: int, longest_window: int, now: float) -> tuple[int, int]:
    """Looks at some keys from `cursor` on. Returns the next cursor, 0 at the end, and how many keys it removed. Raises RedisError."""
    latest = now + 2 * longest_window + CLOCKS_APART
    found: Any = await redis.scan(cursor, match="limit:*", count=SWEPT)
    following, names = found
    removed: list[bytes] = []
    for name in names:
        second = name.split(b":")[1]
        if not second.isdigit() or not now - CLOCKS_APART < int(second) < latest:
            removed.append(name)
    if removed:
        await redis.unlink(*removed)
        limits_swept.inc(len(removed))
    return int(following), len(removed)
