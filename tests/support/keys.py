"""RSA keys for tests. To find the primes of one takes a tenth of a second, so that each process makes few and uses them again."""

import itertools
from collections.abc import Callable
from functools import cache

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key


@cache
def rsa_key(number: int, bits: int = 2048) -> RSAPrivateKey:
    """The same for the same number, another for another."""
    return generate_private_key(public_exponent=65537, key_size=bits)


def in_turn(*numbers: int) -> Callable[[], RSAPrivateKey]:
    """Gives these keys one after the other, over and over: whoever asks twice gets two."""
    turn = itertools.cycle(numbers)
    return lambda: rsa_key(next(turn))
