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
    operations,
    people,
    platform,
    requests,
    saml,
    sandboxes,
    tenants,
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
    "operations",
    "people",
    "platform",
    "requests",
    "saml",
    "sandboxes",
    "tenants",
    "webhooks",
]
