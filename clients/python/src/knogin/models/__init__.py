"""Generated from the contract by `make clients`; do not edit."""

from . import (
    acqi,
    apps,
    audit,
    devices,
    epcr,
    events,
    graphql,
    log,
    oauth,
    people,
    platform,
    requests,
    saml,
    sandboxes,
    webhooks,
)

__all__ = [
    "acqi",
    "apps",
    "audit",
    "devices",
    "epcr",
    "events",
    "graphql",
    "log",
    "oauth",
    "people",
    "platform",
    "requests",
    "saml",
    "sandboxes",
    "webhooks",
]
