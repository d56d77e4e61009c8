"""What devices measured, as device-ingest tells it."""

from datetime import datetime
from decimal import Decimal

import msgspec


class LinkedObservation(msgspec.Struct, kw_only=True):
    """A device's reading that belongs to an encounter: MDC code, exact value in its UCUM unit, or why there is none.

    `revision` is the encounter's with which it came in.
    """

    id: str
    device_id: str
    device_class: str
    mdc_code: str
    mdc_code10: int
    value: Decimal | None
    unit_code: str | None
    data_absent_reason: str | None
    observed_at: datetime
    flags: list[str]
    test: bool
    revision: int
