"""Settings of epcr, only from the environment."""

from typing import Annotated

from services.epcr.deidentification.pseudonyms import Pseudonyms
from shared.process import settings

KEYS = settings.Form("<version>:<base64url of 32 bytes>, separated by commas", Pseudonyms.from_text)


class Settings(settings.Service, frozen=True, kw_only=True):
    """`api_base_url` is the public base URL of the API, which documents name.

    `pseudonym_keys` are `<version>:<base64url of 32 bytes>`, the current one first; only the web process needs them.

    Observations of an unknown encounter are reported after `unknown_after_seconds`, and deleted after `forget_unknown_days`;
    device-ingest keeps its own. Observations beyond `max_readings` of one encounter count as those of an unknown one.
    A record has at most `max_record_bytes` as it is stored, encrypted. An organisation stores at most `most_stored_bytes` of records and
    outcomes, unless an operator set another number for it.
    """

    api_base_url: settings.Origin = "https://api.knogin.com"
    pseudonym_keys: Annotated[str, KEYS] = ""
    unknown_after_seconds: settings.NotNegative = 30
    forget_unknown_days: settings.Count = 30
    max_readings: settings.Count = 250_000
    max_record_bytes: settings.Count = 1 << 20
    most_stored_bytes: settings.Count = 100 << 30


def load() -> Settings:
    return settings.load(Settings)
