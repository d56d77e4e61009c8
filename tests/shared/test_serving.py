"""The settings of a web process keep its own work from blocking the event loop for long."""

import subprocess
import sys

from deploy.local.table import ROOT

PROGRAM = """
import gc, time
import services.epcr.app
from shared.web import serving
def full() -> float:
    began = time.process_time()
    gc.collect()
    return time.process_time() - began
before = min(full() for _ in range(3))
serving.freeze()
print(before / min(full() for _ in range(3)))
"""


def test_a_full_garbage_collection_does_not_go_through_all_that_was_imported() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) > 10
