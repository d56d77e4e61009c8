"""The networks of an address, between which waiting lines are fair."""

import ipaddress

IPV4 = (24, 32)
IPV6 = (48, 64)
"""Prefix lengths of the block that one network is assigned, and of one subscriber."""


def networks_of(address: str) -> tuple[str, str]:
    """The network block and the subscriber's network of an address. Text that is no IP address is returned twice."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address, address
    wide, narrow = (
        ipaddress.ip_network((parsed, length), strict=False) for length in (IPV4 if parsed.version == 4 else IPV6)
    )
    return str(wide), str(narrow) if narrow.prefixlen < parsed.max_prefixlen else str(parsed)
