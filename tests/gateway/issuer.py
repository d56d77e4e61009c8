"""A double of auth: it signs tokens, publishes keys and revokes."""

import asyncio
import time
import uuid
from typing import Any
from urllib.parse import parse_qs

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from shared.primitives.crypto import base64url_encode
from shared.primitives.ids import uuid7
from tests.gateway.origin import Origin, Seen, json_response
from tests.support.keys import rsa_key

KEYS = {"2026-03-signing-key": rsa_key(0), "2026-04-signing-key": rsa_key(1)}
FIRST, SECOND = KEYS


def jwk(kid: str, key: RSAPrivateKey) -> dict[str, Any]:
    numbers = key.public_key().public_numbers()
    encoded = {
        name: base64url_encode(value.to_bytes((value.bit_length() + 7) // 8, "big"))
        for name, value in (("n", numbers.n), ("e", numbers.e))
    }
    return {"kty": "RSA", "kid": kid, "use": "sig", "alg": "RS256", **encoded}


class Issuer:
    def __init__(self, issuer: str, api: str) -> None:
        self.issuer, self.api = issuer, api
        self.published = [FIRST]
        self.watermarks: list[dict[str, Any]] = []
        self.version = 1
        self.announced: list[str] | None = None
        self.asked: list[str] = []
        self.uses: list[dict[str, Any]] = []
        self.refusals: list[dict[str, Any]] = []
        self.down = False
        self.jwks_fetches = 0
        self._deadlines: dict[int, float] = {}
        self.origin = Origin()
        self.origin.answers |= {
            "/.well-known/jwks.json": self._jwks,
            "/internal/revocations": self._revocations,
            "/internal/token-usage": self._usage,
            "/internal/refused-calls": self._refused,
        }

    def token(
        self,
        kid: str = FIRST,
        header: dict[str, Any] | None = None,
        key: Any = None,
        algorithm: str = "RS256",
        **claims: Any,
    ) -> str:
        """A valid access token with the given changes; a claim of None is left out."""
        now = int(time.time())
        payload: dict[str, Any] = {
            "iss": self.issuer,
            "aud": [self.issuer, self.api],
            "sub": "app_1",
            "client_id": "app_1",
            "tenant_id": "org_1",
            "scope": "webhooks:write",
            "iat": now,
            "exp": now + 3600,
            "jti": str(uuid7()),
            "token_use": "access",
            "grant_id": str(uuid.uuid4()),
            "environment": "production",
        } | claims
        payload = {name: value for name, value in payload.items() if value is not None}
        fields = {"typ": "at+jwt", "kid": kid} | (header or {})
        fields = {name: value for name, value in fields.items() if name == "typ" or value is not None}
        return jwt.encode(payload, key or KEYS[kid], algorithm=algorithm, headers=fields)

    def revoke(
        self, kind: str, id: str, not_before_ms: int | None = None, *, tenant: str = "org_1", client: str = "app_1"
    ) -> None:
        moment = int(time.time() * 1000) + 1 if not_before_ms is None else not_before_ms
        mark: dict[str, Any] = {"kind": kind, "id": id, "not_before_ms": moment, "expires_at": int(time.time()) + 3600}
        self.watermarks.append(mark | {"tenant_id": tenant, "client_id": client})
        self.version += 1

    def _jwks(self, seen: Seen) -> bytes | None:
        self.jwks_fetches += 1
        if self.down:
            return None
        return json_response(
            {"keys": [jwk(kid, KEYS[kid]) for kid in self.published]}, ("cache-control", "public, max-age=300")
        )

    async def _revocations(self, seen: Seen, reader: Any, writer: Any) -> bool:
        self.asked.append(seen.target)
        while not self.down and self._waits(seen):  # noqa: ASYNC110 a thread changes it
            await asyncio.sleep(0.02)
        if self.down:
            return False
        writer.write(self._changes(seen))
        await writer.drain()
        return True

    def _waits(self, seen: Seen) -> bool:
        deadline = self._deadlines.setdefault(id(seen), time.monotonic() + self._number(seen, "wait"))
        return self._number(seen, "after") == self.version and time.monotonic() < deadline

    def _number(self, seen: Seen, name: str) -> float:
        return float(parse_qs(seen.target.partition("?")[2])[name][0])

    def _changes(self, seen: Seen) -> bytes:
        after = int(self._number(seen, "after"))
        newer = [mark for number, mark in enumerate(self.watermarks, 2) if number > after]
        keys = self.published if self.announced is None else self.announced
        return json_response({"sequence": self.version, "more": False, "keys": keys, "watermarks": newer})

    def _refused(self, seen: Seen) -> bytes | None:
        self.refusals += msgspec.json.decode(seen.body)["refusals"]
        return None if self.down else b"HTTP/1.1 204 No Content\r\n\r\n"

    def _usage(self, seen: Seen) -> bytes | None:
        self.uses += msgspec.json.decode(seen.body)["uses"]
        return None if self.down else b"HTTP/1.1 204 No Content\r\n\r\n"
