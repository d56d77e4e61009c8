"""Names of time zones in the IANA time zone database (RFC 6557), as callers write them."""

from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Meta

TimeZone = Annotated[
    str,
    Meta(
        max_length=64,
        pattern=r"^(UTC|(Africa|America|Antarctica|Asia|Atlantic|Australia|Europe|Indian|Pacific)(/[A-Za-z_\-]+){1,2})\Z",
    ),
]


def zone_of(name: str) -> ZoneInfo:
    """The zone of a `TimeZone`. Raises ValueError for one that the database does not have."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError):
        raise ValueError("time_zone is not in the IANA time zone database") from None
