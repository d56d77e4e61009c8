"""A TLS context without certificates for httpx2 clients of plain HTTP. By default each client reads all certificates in 15 ms."""

import ssl

PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Trusts no certificate."""
