"""Generated from the contract by `make clients`; do not edit."""

from . import (
    apps,
    devices,
    epcr,
    events,
    graphql,
    oauth,
    platform,
    requests,
    saml,
    sandboxes,
    webhooks,
)

__all__ = [
    "apps",
    "devices",
    "epcr",
    "events",
    "graphql",
    "oauth",
    "platform",
    "requests",
    "saml",
    "sandboxes",
    "webhooks",
]
