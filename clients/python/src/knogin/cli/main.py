"""The parser, and the road of a command from its arguments to its exit code."""

from __future__ import annotations

import argparse
import contextlib
import difflib
import io
import os
import re
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from .. import problems
from .._client import ENVIRONMENTS
from .._version import CONTRACT, VERSION
from ..errors import KnoginError
from . import completion, deliveries, doctor, listening, logs, signing_in, verifying
from .failures import INTERRUPTED, NOBODY_READS, REFUSED, USAGE, Failure, failure_of
from .output import Output
from .session import Session

EPILOG = """examples:
  knogin login --client-id app_01jdk…     sign in, in a browser
  knogin doctor                           check everything between here and the platform
  knogin deliveries list --status failed  deliveries that did not arrive
  knogin trigger                          send a test event

environment: KNOGIN_BASE_URL, KNOGIN_PROFILE, KNOGIN_CLIENT_ID; for machines KNOGIN_TOKEN or KNOGIN_CLIENT_SECRET;
NO_COLOR. An option comes before the environment, the environment before the profile.

exit codes: 0 done, 1 refused or a check failed, 2 not understood, 3 sign in first, 4 no answer, 130 Ctrl-C"""


class Parser(argparse.ArgumentParser):
    """Help with examples, and the nearest command for a misspelt one. Every level takes the common options."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        options.setdefault("allow_abbrev", False)
        super().__init__(**options)
        if self.epilog is not None or self.description is not None:
            _common(self)

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {message}", file=sys.stderr)
        if near := nearest(message):
            print(f"Did you mean {near}?", file=sys.stderr)
        print(f"See: {self.prog} --help", file=sys.stderr)
        sys.exit(USAGE)


def nearest(message: str) -> str:
    """The known word nearest to the one that argparse refuses; empty if none is near."""
    if found := re.search(r"invalid choice: '([^']+)' \(choose from (.+)\)", message):
        known = [choice.strip(" '") for choice in found[2].split(",")]
        given = found[1]
    elif found := re.search(r"unrecognized arguments: (--[a-z-]+)", message):
        known = sorted({word for words in dict(completion.words(parser())).values() for word in words})
        given = found[1]
    else:
        return ""
    return next(iter(difflib.get_close_matches(given, known, n=1)), "")


def _common(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("common options")
    kept: Any = argparse.SUPPRESS
    group.add_argument("--profile", default=kept, metavar="NAME", help="the sign-in to use (default: default)")
    group.add_argument(
        "--base-url",
        default=kept,
        metavar="URL",
        help=f"the platform (default: the profile's, or production, {ENVIRONMENTS['production']})",
    )
    group.add_argument("--json", action="store_true", default=kept, help="results as JSON")
    group.add_argument("--no-color", action="store_true", default=kept, help="no colour")
    group.add_argument("--quiet", "-q", action="store_true", default=kept, help="only results and errors")
    group.add_argument("--debug", action="store_true", default=kept, help="a Python traceback for an error")


def parser() -> Parser:
    made = Parser(prog="knogin", description="Knogin's platform on the command line.", epilog=EPILOG)
    made.add_argument("--version", action="version", version=f"knogin {VERSION} (contract {CONTRACT})")
    commands = made.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)
    for part in (signing_in, deliveries, listening, logs, verifying, doctor, completion):
        part.add(commands)
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command and returns its exit code."""
    if arguments is None:
        _prepare_process()
    try:
        try:
            return _command(arguments)
        finally:
            if sys.stdout:
                sys.stdout.flush()
    except BrokenPipeError:
        # `knogin … | head` ends quietly. SIGPIPE stays ignored: it would also end a command whose connection breaks.
        if arguments is None:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NOBODY_READS


def _command(arguments: Sequence[str] | None) -> int:
    made = parser()
    given = made.parse_args(arguments)
    if not hasattr(given, "run"):
        made.print_help(sys.stderr)
        return USAGE
    if given.run is completion.completion_command:
        return completion.completion_command(given, made)
    output = Output(
        as_json=getattr(given, "json", False),
        colour=not getattr(given, "no_color", False),
        quiet=getattr(given, "quiet", False),
    )
    try:
        return _run(given, output)
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        raise
    except Exception as error:
        if getattr(given, "debug", False):
            raise
        # A fault of ours, or of the machine. Its text may hold anything, so only its kind is shown.
        kind = (error.strerror if isinstance(error, OSError) else "") or type(error).__name__
        output.complain(f"knogin: this command failed: {kind}.", "bad")
        output.complain("Run it with --debug, and report what it prints.")
        return REFUSED


def _prepare_process() -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that lacks a character shows another one.
            stream.reconfigure(errors="replace")


def _run(given: argparse.Namespace, output: Output) -> int:
    session: Session | None = None
    try:
        profile = getattr(given, "profile", None) or os.environ.get("KNOGIN_PROFILE") or "default"
        session = Session(profile, getattr(given, "base_url", None), output)
        try:
            return given.run(given, session, output)
        except problems.Unauthorized:
            # The token was revoked before its end. Nothing was done, so the command begins again, once.
            if output.wrote or not session.renew():
                raise
            return given.run(given, session, output)
    except (Failure, KnoginError) as error:
        if getattr(given, "debug", False):
            raise
        failure = error if isinstance(error, Failure) else failure_of(error, _address(session))
        output.complain(f"knogin: {failure}", "bad")
        if failure.remedy:
            output.complain(failure.remedy)
        return failure.code
    finally:
        if session is not None:
            session.close()


def _address(session: Session | None) -> str:
    with contextlib.suppress(Failure):
        return session.base_url if session is not None else ""
    return ""
