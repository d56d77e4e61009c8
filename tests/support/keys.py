"""RSA keys for tests. A new key takes a tenth of a second, so each process makes a few and reuses them."""

import itertools
from collections.abc import Callable
from functools import cache

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key


@cache
def rsa_key(number: int, bits: int = 2048) -> RSAPrivateKey:
    """The key with that number: the same number gives the same key, another number another key."""
    return generate_private_key(public_exponent=65537, key_size=bits)


def in_turn(*numbers: int) -> Callable[[], RSAPrivateKey]:
    """Yields the keys in turn without end, so that two calls in a row give different keys."""
    turn = itertools.cycle(numbers)
    return lambda: rsa_key(next(turn))
