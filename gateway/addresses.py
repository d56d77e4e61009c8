"""The client's address, from `X-Forwarded-For` only where a trusted proxy wrote it."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from gateway.settings import networks

LONGEST = 512
"""The bytes of `X-Forwarded-For` that are read, from its end: more than a dozen proxies. A client chooses the bytes before them."""
WIDER = ((56, 4), (48, 16))
"""Lengths of the IPv6 networks around a client's /64, and how many times the rate of a /64 each has. A mobile network gives each phone
a /64, so a /48 may hold many subscribers."""


class Addresses:
    def __init__(self, trusted_proxies: str) -> None:
        self._trusted = networks(trusted_proxies)
        self._read = lru_cache(maxsize=4096)(self._of)

    def of(self, peer: str, forwarded_for: bytes = b"") -> str:
        """The right-most address of `X-Forwarded-For` that is not a trusted proxy, else the peer's."""
        return self._read(peer, forwarded_for[-LONGEST:])

    def trusts(self, peer: str) -> bool:
        """Whether `peer` is a trusted proxy."""
        address = _parse(peer)
        return address is not None and self._trusts(address)

    def _of(self, peer: str, forwarded_for: bytes) -> str:
        address = _parse(peer)
        if address is None:
            return peer
        for hop in reversed(forwarded_for.split(b",")) if forwarded_for else ():
            if not self._trusts(address):
                break
            text = hop.strip().decode("latin-1")
            # Some proxies write `192.0.2.7:4711`, `[2001:db8::7]:4711` or `[2001:db8::7]`.
            if text.startswith("["):
                text = text[1:].partition("]")[0]
            elif text.count(":") == 1:
                text = text.partition(":")[0]
            previous = _parse(text)
            if previous is None:
                break
            address = previous
        return str(address)

    def _trusts(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address.version == network.version and address in network for network in self._trusted)


@lru_cache(maxsize=4096)
def wider_networks(address: str) -> tuple[tuple[str, int], ...]:
    """The networks around the client's, the narrowest first, each with the multiple of the client's rate; none for IPv4."""
    parsed = _parse(address)
    if not isinstance(parsed, IPv6Address):
        return ()
    return tuple((str(IPv6Network((int(parsed), length), strict=False)), times) for length, times in WIDER)


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
