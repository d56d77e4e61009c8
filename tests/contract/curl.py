"""Reads a curl command line as a request, the way a shell and curl would."""

import shlex
from typing import NamedTuple
from urllib.parse import urlsplit


class Call(NamedTuple):
    method: str
    host: str
    target: str
    headers: dict[str, str]
    body: bytes


def parse(command: str) -> Call:
    words = iter(shlex.split(command.replace("\\\n", " ")))
    assert next(words) == "curl"
    method, url, headers, body = "", "", {}, b""
    for word in words:
        if word == "-X":
            method = next(words)
        elif word == "-H":
            name, _, value = next(words).partition(": ")
            headers[name] = value
        elif word == "-d":
            body = next(words).encode()
        else:
            url = word
    parts = urlsplit(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    return Call(method or ("POST" if body else "GET"), parts.netloc, target, headers, body)
