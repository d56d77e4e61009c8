"""The page of a vehicle, whose id may have any characters. Pure."""

from urllib.parse import quote, unquote


def of_vehicle(vehicle_id: str) -> str:
    """Escaped twice: a value with a slash stays one segment of the path, also after a proxy or a browser has tidied the path."""
    return "/operations/vehicles/" + quote(quote(vehicle_id, safe=" ").replace(".", "%2E"), safe="")


def vehicle_in(segment: str) -> str:
    """The id in the segment as the router gives it."""
    return unquote(segment)
