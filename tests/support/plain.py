"""What clients of plain http are given instead of the authorities' certificates, which httpx would read for each, 15 ms every time."""

import ssl

PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Trusts nobody."""
