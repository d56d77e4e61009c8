"""Generated from the contract by `make clients`; do not edit."""

VERSION = "1.0.0"
CONTRACT = "2026.2"
