"""Failures of a command: the cause, the remedy, and the exit code."""

from __future__ import annotations

import os

from .. import problems
from ..errors import APIError, ConfigurationError, ConnectionFailed, KnoginError, UnreadableAnswer

REFUSED, USAGE, SIGN_IN, UNREACHABLE, INTERRUPTED, NOBODY_READS = 1, 2, 3, 4, 130, 141
"""1: the platform refused, or a check failed. 2: the command was not understood. 3: sign in first. 4: no answer. 130: Ctrl-C.
141: the program that read the output has ended."""


class Failure(Exception):
    """`remedy` is the next step for the person."""

    def __init__(self, message: str, remedy: str = "", code: int = REFUSED) -> None:
        super().__init__(message)
        self.remedy = remedy
        self.code = code


def not_signed_in(profile: str) -> Failure:
    named = "" if profile == "default" else f" --profile {profile}"
    return Failure("You are not signed in.", f"Run: knogin login --client-id app_…{named}", SIGN_IN)


def failure_of(error: KnoginError, base_url: str) -> Failure:
    """An error of the SDK in words for a person."""
    if isinstance(error, ConfigurationError):
        return Failure(str(error), "See: knogin --help", USAGE)
    if isinstance(error, ConnectionFailed):
        return Failure(f"No answer from {base_url}.", "Check the address and your network: knogin doctor", UNREACHABLE)
    if isinstance(error, UnreadableAnswer):
        return Failure(
            f"{base_url} does not answer as the platform does.", "Is --base-url right? A proxy may answer instead."
        )
    if not isinstance(error, APIError):
        return Failure(str(error))
    told = error.detail or error.title or f"HTTP {error.status}"
    lines = [told, *(f"  {fault}" for fault in error.errors[:20])]
    remedies = [_remedy(error), f"Trace for support: {error.trace_id}" if error.trace_id else ""]
    remedy = "\n".join(filter(None, remedies))
    return Failure("\n".join(lines), remedy, SIGN_IN if error.status == 401 else REFUSED)


def credentials_are_given() -> bool:
    """Whether the environment has credentials; they come before the profile's."""
    return bool(os.environ.get("KNOGIN_TOKEN") or os.environ.get("KNOGIN_CLIENT_SECRET"))


def _remedy(error: APIError) -> str:
    given = credentials_are_given()
    if isinstance(error, problems.Unauthorized) or error.status == 401:
        if given:
            return "Check KNOGIN_TOKEN, or KNOGIN_CLIENT_ID and KNOGIN_CLIENT_SECRET, and the platform: knogin doctor"
        return "The sign-in has ended or was revoked. Run: knogin login"
    if error.status == 403:
        asked = "Ask an administrator for the scope or approval that is named"
        return f"{asked}." if given else f"{asked}, then run: knogin login"
    if error.status == 404:
        return "Check the id, and that it belongs to the app you are signed in with: knogin whoami"
    if error.status == 429:
        wait = f"{error.retry_after:g} seconds" if error.retry_after is not None else "a moment"
        return f"Wait {wait} and run it again."
    return "Run it again in a moment." if error.status >= 500 else ""
