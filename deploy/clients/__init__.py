"""Generates the SDKs in clients/ from the contract: `make clients`."""
