"""`verify`: whether a captured request is a webhook of the platform."""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from ..webhooks import TOLERANCE_SECONDS, InvalidWebhook, verify
from .failures import USAGE, Failure
from .output import Output
from .session import Session, members

NAMES = ("webhook-id", "webhook-timestamp", "webhook-signature")
MOST_BYTES = 32 << 20


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "verify",
        help="check the signature of a captured webhook",
        epilog="""examples:
  knogin verify body.json --headers headers.txt --secret-file secret.txt
  curl … | knogin verify --header "webhook-id: evt_1" --header "webhook-timestamp: 1795766400" \\
      --header "webhook-signature: v1,…" --secret-file secret.txt

The body must be as it arrived, byte for byte. The secret is read from a file or from KNOGIN_WEBHOOK_SECRET, never from
an argument, which other people on the machine could read.""",
    )
    parser.add_argument("body", nargs="?", default="-", help="a file, or - for standard input (default)")
    parser.add_argument("--header", action="append", default=[], metavar="'NAME: VALUE'", help="may repeat")
    parser.add_argument("--headers", type=Path, metavar="FILE", help="the request's headers, one on a line")
    parser.add_argument(
        "--secret-file", type=Path, action="append", default=[], metavar="FILE", help="may repeat: any may fit"
    )
    parser.add_argument("--any-age", action="store_true", help="accept an old request: it was captured earlier")
    parser.set_defaults(run=verify_command)


def verify_command(arguments: argparse.Namespace, session: Session, output: Output) -> int:
    headers = _headers(arguments)
    secrets = _secrets(arguments.secret_file)
    body = _body(arguments.body)
    tolerance = math.inf if arguments.any_age else TOLERANCE_SECONDS
    try:
        event = verify(body, headers, secrets, tolerance=tolerance)
    except InvalidWebhook as error:
        if output.as_json:
            output.json({"valid": False, "reason": str(error)})
        raise Failure(f"Not valid: {error}.", _hint(str(error), body)) from None
    if output.as_json:
        output.json({"valid": True, "event": members(event)})
    else:
        output.line(f"{output.styled('valid', 'good')}  {event.type}  {headers.get(NAMES[0])}")
    return 0


def _hint(reason: str, body: bytes) -> str:
    if "clock" in reason:
        return "Is this machine's clock right (knogin doctor)? For an earlier request: --any-age"
    if "no signature" in reason:
        newline = " It ends with a line break, which an editor may have added." if body.endswith(b"\n") else ""
        return (
            "Is the secret that of this webhook? Is the body as it arrived, never parsed and written again?" + newline
        )
    if "missing" in reason:
        return "Give all of: " + ", ".join(NAMES)
    return ""


def _headers(arguments: argparse.Namespace) -> dict[str, str]:
    lines = list(arguments.header)
    if arguments.headers is not None:
        lines += _text(arguments.headers).splitlines()
    pairs = [line.partition(":") for line in lines if ":" in line]
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    if not headers:
        raise Failure("The headers of the request are needed.", "Give --headers FILE, or --header 'NAME: VALUE'", USAGE)
    return headers


def _secrets(files: Sequence[Path]) -> list[str]:
    found = [secret for file in files for secret in _text(file).split()]
    if not found and (named := os.environ.get("KNOGIN_WEBHOOK_SECRET")):
        found = named.split()
    if not found:
        raise Failure("The webhook's secret is needed.", "Give --secret-file FILE, or set KNOGIN_WEBHOOK_SECRET", USAGE)
    return found


def _body(name: str) -> bytes:
    if name != "-":
        return _bytes(Path(name))
    if sys.stdin.isatty():
        raise Failure("The body is needed.", "Name a file, or pipe it in: knogin verify --help", USAGE)
    return sys.stdin.buffer.read(MOST_BYTES)


def _text(file: Path) -> str:
    return _bytes(file).decode("utf-8", "replace")


def _bytes(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(MOST_BYTES)
    except OSError as error:
        raise Failure(f"{file} cannot be read: {error.strerror}.", code=USAGE) from None
