"""Credentials in documents. Each reader of a document could sign with them, so no call takes one.

`tests/docs/test_published.py` fails for a credential of a page that is not here.
"""

SECRETS = ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",)
"""Signing secrets of webhooks in samples."""
KEYS = ("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",)
"""Public keys, as the `x` of a JWK, with published private keys: RFC 8037 appendix A."""
REASON = "an example that is published: whoever read it can sign with it"
