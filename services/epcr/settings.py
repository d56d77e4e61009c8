"""ePCR's settings, from the environment alone."""

from typing import Annotated

import msgspec

from services.epcr.pseudonyms import Pseudonyms
from shared import settings

KEYS = settings.Form("<version>:<base64url of 32 bytes>, separated by commas", Pseudonyms.from_text)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """`pseudonym_keys` are `<version>:<base64url of 32 bytes>`, the current one first; the web process alone needs them.

    Observations of an encounter that is not known are reported so after `unknown_after_seconds`, and forgotten after
    `forget_unknown_days`; device-ingest keeps its own.
    """

    database_url: settings.DatabaseUrl
    worker_database_url: settings.DatabaseUrl | None = None
    migration_database_url: settings.DatabaseUrl | None = None
    redis_url: settings.RedisUrl
    identity_public_keys: settings.PublicKeys
    encryption_keys: settings.Keys
    pseudonym_keys: Annotated[str, KEYS] = ""
    unknown_after_seconds: settings.NotNegative = 30
    forget_unknown_days: settings.Count = 30
    outbox_resend_seconds: settings.Positive = 30
    otel_exporter_otlp_endpoint: settings.Url = ""
    otel_traces_sampler_arg: settings.Share = 1.0
    spans_file: settings.WritableFile = ""
    ops_port: settings.Port = 0
    log_level: settings.LogLevel = "INFO"


def load() -> Settings:
    return settings.load(Settings)
