"""The networks of an address, between which rates, places and waiting lines are fair. A caller without a token is one of its network."""

import ipaddress
from functools import lru_cache
from typing import NamedTuple

IPV4 = (24, 32)
IPV6 = (48, 64)
"""Prefix lengths of the block that one network is assigned, and of one subscriber."""


class Networks(NamedTuple):
    """The block and the subscriber's network within it, as text. Text that is no IP address is both."""

    block: str
    subscriber: str


@lru_cache(maxsize=4096)
def networks_of(address: str) -> Networks:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return Networks(address, address)
    if isinstance(parsed, ipaddress.IPv6Address):
        parsed = parsed.ipv4_mapped or parsed
    block, subscriber = (
        ipaddress.ip_network((parsed, length), strict=False) for length in (IPV4 if parsed.version == 4 else IPV6)
    )
    return Networks(str(block), str(subscriber) if subscriber.prefixlen < parsed.max_prefixlen else str(parsed))


def client_network(address: str) -> str:
    """The network that counts as one client: an IPv4 address, or the /64 that belongs to one IPv6 subscriber."""
    return networks_of(address).subscriber
