"""`python -m tests.bench.unsigned_stack …` is `python -m deploy.local …` with services that sign no messages and accept every sender.

Only for `make bench-signing`, which measures the cost of signing. No setting of the product does this: the stack's processes are
forked from this one, in which the two functions are already replaced.
"""

import runpy
import sys
import time
from collections.abc import Sequence

import msgspec

from shared.messaging import authenticity
from shared.messaging.authenticity import Purpose, Sealed
from shared.primitives.crypto import PublicKeys, Signer


def seal(signer: Signer, purpose: Purpose, sender: str, receiver: str, text: str) -> Sealed:
    return Sealed(sender, time.time_ns(), text, "")


def unseal(keys: PublicKeys, purpose: Purpose, receiver: str, call: Sequence[object]) -> Sealed:
    return Sealed(*msgspec.convert(call, tuple[str, int, str, str]))


if __name__ == "__main__":
    authenticity.seal, authenticity.unseal = seal, unseal
    sys.argv[0] = "deploy.local"
    runpy.run_module("deploy.local", run_name="__main__")
