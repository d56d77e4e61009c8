"""The command line `knogin`: sign in, look at deliveries, try webhooks, find faults. `knogin --help` is its manual.

Built on argparse, so that the package has no more dependencies than the SDK. It uses the SDK as any program does.
"""

from .main import main

__all__ = ["main"]
