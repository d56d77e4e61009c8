"""Generated from the contract by `make clients`; do not edit."""

from . import (
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
