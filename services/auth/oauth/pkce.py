"""PKCE (RFC 7636) as RFC 9700 wants it: S256 alone, and never optional where it protects someone. Pure."""

import re
from typing import Any

from authlib.oauth2.rfc6749 import InvalidRequestError
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc7636.challenge import compare_s256_code_challenge

# What S256 makes: 32 bytes in base64url.
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9\-._~]{43,128}")


class S256(CodeChallenge):
    SUPPORTED_CODE_CHALLENGE_METHOD = ["S256"]  # noqa: RUF012 - Authlib's own name and type
    DEFAULT_CODE_CHALLENGE_METHOD = "S256"
    CODE_CHALLENGE_METHODS = {"S256": compare_s256_code_challenge}  # noqa: RUF012 - Authlib's own name and type

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        """Every client that must use PKCE, and every one that tries to, sends a well-formed S256 challenge."""
        values = grant.asked.values
        challenge, method = values.get("code_challenge"), values.get("code_challenge_method")
        if challenge is None and method is None:
            if grant.asked.known_client.must_use_pkce():
                raise InvalidRequestError("This app must use PKCE: code_challenge is missing.")
            return
        if method != "S256":
            raise InvalidRequestError("The code_challenge_method must be S256.")
        if challenge is None or not _CHALLENGE.fullmatch(challenge):
            raise InvalidRequestError("The code_challenge is not one of S256.")

    def validate_code_verifier(self, grant: Any, result: Any) -> None:
        verifier = grant.asked.values.get("code_verifier")
        if verifier is not None and not _VERIFIER.fullmatch(verifier):
            raise InvalidRequestError("The code_verifier is malformed.")
        super().validate_code_verifier(grant, result)
