"""Assertions of the console as it makes them, for tests of auth."""

from services.console.session.client_keys import ASSERTION_TYPE, ClientKeys

TYPE = ASSERTION_TYPE


def assertion(keys: str, client_id: str, audience: str) -> str:
    return ClientKeys(keys).assertion(client_id, audience)
