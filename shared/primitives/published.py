"""Credentials in documents. Each reader of a document could sign with them, so no call takes one.

`tests/docs/test_published.py` fails for a credential of a page that is not here.
"""

SECRETS = ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",)
"""Signing secrets of webhooks in samples."""
KEYS = ("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",)
"""Public keys, each the `x` of a JWK, whose private keys are published (RFC 8037 appendix A)."""
REASON = "a published example: every reader of the documentation can sign with it"
