"""A projection as the bytes partners get."""

from services.epcr.deidentify import Projection
from services.epcr.fhir.bundle import bundle, bundles
from services.epcr.fhir.encode import checked, encode


def exported(projection: Projection, max_entries: int | None) -> bytes:
    """One bundle, or `{"bundles": […]}` of at most `max_entries` each. Raises UnfitBundle, which would be this service's bug."""
    if max_entries is None:
        return encode(checked(bundle(projection)))
    return encode({"bundles": [checked(one) for one in bundles(projection, max_entries)]})
