"""Rate limits: each is a Rate of this process. A background task shares the counts with other gateways through Redis.

A client with a token counts by itself and within its organisation, whose clients together have a few times the rate of one: an
organisation could otherwise multiply its rates by registering apps. Tokens of people count apart from those of apps, so that apps which
send too much do not keep away the administrator who stops them. A caller without a token counts by its network, and an IPv6 network
also within the /56 and the /48 around it: providers assign these to one subscriber (RIPE-690), who could otherwise use each of its
networks' rates.

The budget of refused bytes (`refused_bytes.py`) is a Rate too: it counts bytes where the others count requests.

A count's key names the second when nobody needs it any more. A sweep removes keys whose second has passed, or is further ahead than
a gateway writes: an attacker with the gateways' password may have left them without an expiry.
"""

import asyncio
import hashlib
import logging
import time
from contextlib import suppress
from typing import Any, NamedTuple

from redis.asyncio import Redis
from redis.exceptions import RedisError

from gateway.headers import Headers
from gateway.metrics import limited, limits_swept, limits_synced
from gateway.problems import Refusal
from shared.fairness.rate import Rate
from shared.web.identity import CLOCKS_APART

EVERY_SECONDS = 0.2
# While there is nothing to share, of so many times one looks whether Redis is there.
LOOK_EVERY = 5
COUNTS = 100_000
SWEEP_SECONDS = 1.0
SWEPT = 500
"""Keys that one step of the sweep looks at, about."""
REST = 4
"""After a step that found keys to remove, in multiples of its time."""
REFUSED_BYTES = "refused_bytes"
"""The policy that counts bytes (`content-bytes`, draft-ietf-httpapi-ratelimit-headers)."""
log = logging.getLogger(__name__)


Wider = tuple[tuple[str, int], ...]
"""The organisation of a client, or the networks around a client's, the narrowest first, each with the multiple of the quota that it has."""


class Policy(NamedTuple):
    """`quota` requests, or bytes, of a rate class in any `window` seconds. `times` is the quota's multiple of the class's own.

    `name` is the policy's own in answers and metrics: the class, or `<class>-organisation`.
    """

    name: str
    rate_class: str
    quota: int
    window: int
    header: bytes
    times: int = 1


def policy(name: str, rate: str, times: int = 1, suffix: str = "") -> Policy | None:
    """Of the class `name`, from `<requests>/<seconds>`, or None for `off`."""
    if rate == "off":
        return None
    quota, window = map(int, rate.split("/"))
    unit = ';qu="content-bytes"' if name == REFUSED_BYTES else ""
    header = f'"{name}{suffix}";q={quota * times}{unit};w={window}'.encode()
    return Policy(name + suffix, name, quota * times, window, header, times)


APPS, PEOPLE = "apps ", "people "
"""Begin the keys of an organisation's counts: of the tokens of its apps and of its people. No key of a client or network begins so."""


class Count(Rate):
    """The requests of one client, organisation or network under one policy."""

    __slots__ = ("key", "policy")

    def __init__(self, policy: Policy, key: str) -> None:
        super().__init__(policy.quota, policy.window)
        self.policy = policy
        self.key = key


class Limits:
    def __init__(self, rates: dict[str, str]) -> None:
        self._rates = rates
        self._policies: dict[tuple[str, str, int], Policy | None] = {}
        self._counts: dict[tuple[str, str], Count] = {}
        self._dirty: set[Count] = set()
        self._idle = -1

    def take(self, name: str, key: str, now: float, wider: Wider = ()) -> Headers:
        """Counts a request and returns the header fields with the rest of the quota. Raises Refusal (429).

        The request counts in each of the `wider` ones or, if one of them or the client has no more, in none: a client that sends too
        much takes nothing from its neighbours.
        """
        around: list[Count] = []
        # The widest first: where it is full, its many narrow networks get no counts of their own, which take memory.
        for one, times in reversed(wider):
            count = self._count(name, one, times)
            if count is None:
                return []
            if not count.has_room(now):
                *_, reset = count.take(now)
                raise _refusal(count, reset, now)
            around.append(count)
        count = self._count(name, key)
        if count is None:
            return []
        allowed, remaining, reset = count.take(now)
        if not allowed:
            raise _refusal(count, reset, now)
        self._dirty.add(count)
        for one in around:
            _, left, reset_of_one = one.take(now)
            self._dirty.add(one)
            if left < remaining:
                count, remaining, reset = one, left, reset_of_one
        return fields_of(count, remaining, reset)

    def add(self, name: str, key: str, amount: int, now: float, wider: Wider = ()) -> None:
        """Counts events of the past, also beyond the quota. Once `key` has no more, nothing counts for the networks around it."""
        count = self._count(name, key)
        if count is None:
            return
        around = wider if count.has_room(now) else ()
        for one in filter(None, (count, *(self._count(name, network, times) for network, times in around))):
            one.add(amount, now)
            self._dirty.add(one)

    def full(self, name: str, key: str, now: float, wider: Wider = ()) -> Count | None:
        """The count of `key`, or of a network around it, that has no room. Counts nothing."""
        for one in (key, *(network for network, _ in wider)):
            count = self._counts.get((name, one))
            if count is not None and not count.has_room(now):
                return count
        return None

    def _count(self, name: str, key: str, times: int = 1) -> Count | None:
        """None for a class without a rate."""
        count = self._counts.get((name, key))
        if count is None:
            suffix = "-organisation" if key.startswith((APPS, PEOPLE)) else ""
            if (name, suffix, times) not in self._policies:
                self._policies[name, suffix, times] = policy(name, self._rates.get(name, "off"), times, suffix)
            rule = self._policies[name, suffix, times]
            if rule is None:
                return None
            count = self._counts[name, key] = Count(rule, key)
        return count

    async def share(self, redis: Redis) -> bool:
        """Adds this process's new counts to the common windows and reads their totals. Raises RedisError.

        False where there was nothing to share and Redis was not asked.
        """
        dirty, self._dirty = self._dirty, set()
        if len(self._counts) > COUNTS:  # bounds memory under a flood of new addresses
            now = time.time()
            live = [one for one in self._counts.items() if one[1].window >= now // one[1].policy.window - 1]
            self._counts = dict(live[-COUNTS // 2 :])
        if not dirty:
            self._idle += 1
            if self._idle % LOOK_EVERY:
                return False
            await redis.ping()
            return True
        sent = [(count, count.window, count.unshared) for count in dirty]
        pipe = redis.pipeline(transaction=False)
        for count, window, unshared in sent:
            name = _name(count, window)
            pipe.incrby(name, unshared)
            pipe.expire(name, count.policy.window * 2)
            pipe.get(_name(count, window - 1) if count.fresh else name)
        results: list[Any] = await pipe.execute()
        for (count, window, unshared), total, before in zip(sent, results[::3], results[2::3], strict=True):
            count.learn(window, unshared, int(total), int(before or 0))
        return True

    @property
    def longest_window(self) -> int:
        rules = (policy(name, rate) for name, rate in self._rates.items())
        return max((rule.window for rule in rules if rule), default=0)


def fields_of(count: Count, remaining: int, reset: int) -> Headers:
    rule = count.policy
    return [
        (b"ratelimit-policy", rule.header),
        (b"ratelimit", b'"%s";r=%d;t=%d' % (rule.name.encode(), remaining, reset)),
    ]


def _refusal(count: Count, reset: int, now: float) -> Refusal:
    rule = count.policy
    limited.labels(rule.name).inc()
    headers = [
        *fields_of(count, 0, reset),
        (b"retry-after", str(count.retry_after(now)).encode()),
        (b"x-ratelimit-limit", str(rule.quota).encode()),
        (b"x-ratelimit-remaining", b"0"),
        (b"x-ratelimit-reset", str(reset).encode()),
    ]
    whose = f" from one IPv6 network of length {count.key.rpartition('/')[2]}" if rule.times > 1 else ""
    if count.key.startswith((APPS, PEOPLE)):
        whose = f" to the {count.key.partition(' ')[0]} of an organisation together"
    detail = f"At most {rule.quota} {rule.rate_class} requests in {rule.window} seconds are answered{whose}."
    return Refusal(429, "Too many requests", detail, headers=headers, reason="limited")


async def run(limits: Limits, redis: Redis) -> None:
    """Shares the counts for ever; while Redis is away, each gateway uses its own counts."""
    reachable: bool | None = None
    while True:
        await asyncio.sleep(EVERY_SECONDS)
        try:
            outcome = True if await limits.share(redis) else reachable
        except (RedisError, OSError):
            outcome = False
        if outcome is not None and outcome != reachable:
            reachable = outcome
            limits_synced.set(int(outcome))
            log.log(
                logging.INFO if outcome else logging.WARNING,
                "rate limits are %s",
                "shared" if outcome else "local: Redis is away",
            )


def _name(count: Count, window: int) -> str:
    """The Redis key: the second when the next window ends, and the policy, client and window, hashed."""
    rule = count.policy
    digest = hashlib.sha256(f"{rule.name} {window} {count.key}".encode()).hexdigest()[:24]
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
