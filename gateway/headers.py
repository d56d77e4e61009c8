"""Which header fields pass through, in each direction."""

from collections.abc import Iterable

Headers = list[tuple[bytes, bytes]]

# RFC 9110 §7.6.1, and fields that older proxies still use.
HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"http2-settings",
    }
)
# Only the gateway may set fields about the caller, its address, the host and the trace. `X_Auth_User` is read as `x-auth-user`.
FORGEABLE = (
    b"x-knogin-",
    b"x-auth-",
    b"x-authenticated-",
    b"x-forwarded-",
    b"x-real-ip",
    b"x-client-",
    b"x-cluster-client-ip",
    b"x-consumer-",
    b"x-user-",
    b"x-remote-",
    b"x-original-",
    b"x-rewrite-",
    b"x-envoy-",
    b"x-http-method",
    b"x-method-override",
    b"x-trace-id",
    b"x-b3-",
    b"true-client-ip",
    b"cf-connecting-ip",
    b"fastly-client-ip",
    b"forwarded",
    b"proxy",
    b"traceparent",
    b"tracestate",
    b"traceresponse",
    b"baggage",
    b"b3",
    b"uber-trace-id",
)
# The gateway writes these itself for the upstream, or handles them.
OWN = frozenset({b"host", b"content-length", b"expect", b"authorization"})
# The gateway sets the first two on every answer; its HTTP server sets the next two.
OWN_ANSWER = frozenset(
    {b"traceresponse", b"x-trace-id", b"date", b"x-content-type-options", b"server", b"x-powered-by"}
)
KNOWN = 4096
LONGEST_KNOWN = 64
"""Longer names are decided each time: a client chooses them, and they would stay for ever."""


class Filter:
    """Decides whether a field passes or is dropped. It caches the decision for up to `KNOWN` names of at most `LONGEST_KNOWN` bytes."""

    def __init__(self, dropped: frozenset[bytes], prefixes: tuple[bytes, ...]) -> None:
        self._dropped = dropped
        self._prefixes = prefixes
        self._known: dict[bytes, bool] = {}

    def passes(self, name: bytes) -> bool:
        """`name` in lower case."""
        known = self._known.get(name)
        if known is None:
            folded = name.replace(b"_", b"-")
            known = folded not in self._dropped and not folded.startswith(self._prefixes)
            if len(self._known) < KNOWN and len(name) <= LONGEST_KNOWN:
                self._known[name] = known
        return known


request_filter = Filter(HOP_BY_HOP | OWN, FORGEABLE)
answer_filter = Filter(HOP_BY_HOP | OWN_ANSWER, (b"x-knogin-",))


def nominated(connection: Iterable[bytes]) -> frozenset[bytes]:
    """The fields that `Connection` names as valid for this hop only, without those in `HOP_BY_HOP`."""
    named = {option.strip().lower() for value in connection for option in value.split(b",")}
    return frozenset(named - HOP_BY_HOP - {b"close", b""})


class Incoming:
    """A client's fields (names in lower case): `passing` goes on to the service, the gateway reads the others itself."""

    __slots__ = ("authorization", "forwarded_for", "host", "idempotent", "passing", "traceparent")

    def __init__(self, headers: Headers) -> None:
        self.passing: Headers = []
        self.authorization: list[bytes] = []
        self.forwarded_for = b""
        self.host = b""
        self.traceparent = b""
        self.idempotent = False
        connection: list[bytes] = []
        for field in headers:
            name = field[0]
            if request_filter.passes(name):
                self.passing.append(field)
                if name == b"idempotency-key":
                    self.idempotent = True
            elif name == b"host":
                self.host = field[1]
            elif name == b"authorization":
                self.authorization.append(field[1])
            elif name == b"connection":
                connection.append(field[1])
            elif name == b"x-forwarded-for":
                self.forwarded_for += b"," + field[1] if self.forwarded_for else field[1]
            elif name == b"traceparent":
                self.traceparent = field[1]
        named = nominated(connection) if connection else frozenset()
        if named:
            self.passing = [field for field in self.passing if field[0] not in named]


def returned(headers: Headers) -> Headers:
    """The part of an upstream's fields (names in lower case) that a client may see."""
    passes = answer_filter.passes
    named = nominated(value for name, value in headers if name == b"connection")
    return [field for field in headers if passes(field[0]) and field[0] not in named]
