"""The token of an invitation's link: a MAC of the invitation and the number of its mail, so that it is stored nowhere. Pure."""

from shared.primitives.crypto import Keyring, base64url_encode

DAYS = 7
"""How long an invitation is good, from its last mail."""
TOKEN_PURPOSE = "invitation"
MAC_PURPOSE = "invitation link"


def token_of(keyring: Keyring, invitation_id: str, number: int) -> str:
    """43 characters; the same for a second attempt at the same mail."""
    return base64url_encode(keyring.mac(f"{invitation_id} {number}".encode(), TOKEN_PURPOSE))


def mac_of(keyring: Keyring, token: str) -> bytes:
    """The MAC that is stored of a token."""
    return keyring.mac(token.encode(), MAC_PURPOSE)


def macs_of(keyring: Keyring, token: str) -> list[bytes]:
    return keyring.macs(token.encode(), MAC_PURPOSE)
