"""`python -m tests.bench.unsigned_stack …` is `python -m deploy.local …` whose services sign no messages and believe every sender.

Exists for `make bench-signing` alone, which measures what signing costs. No setting of the product does this: the processes of a stack
are forked from this one and find the two functions already replaced.
"""

import runpy
import sys
import time
from collections.abc import Sequence

import msgspec

from shared import authenticity
from shared.authenticity import Purpose, Sealed
from shared.signatures import PublicKeys, Signer


def seal(signer: Signer, purpose: Purpose, sender: str, receiver: str, text: str) -> Sealed:
    return Sealed(sender, time.time_ns(), text, "")


def unseal(keys: PublicKeys, purpose: Purpose, receiver: str, call: Sequence[object]) -> Sealed:
    return Sealed(*msgspec.convert(call, tuple[str, int, str, str]))


if __name__ == "__main__":
    authenticity.seal, authenticity.unseal = seal, unseal
    sys.argv[0] = "deploy.local"
    runpy.run_module("deploy.local", run_name="__main__")
