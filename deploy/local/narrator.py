"""Prints the demo: each step with its request and its answer; secrets are shortened."""

import json
import re
import time
from collections.abc import Callable
from textwrap import indent
from typing import Any, TypeVar
from urllib.parse import unquote_plus

import httpx2
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.syntax import Syntax
from rich.text import Text

T = TypeVar("T")
SECRET = re.compile(r"(eyJ[\w-]{5})[\w.-]{40,}|(whsec_[\w+/]{4})[\w+/=]{8,}|(kns_[\w-]{4})[\w-]{12,}")
INLINE = 76
LONGEST_ANSWER = 24


class DemoFailed(Exception):
    """A step got another answer than the demo expects."""


class Narrator:
    """Numbers the steps, and sends the requests that it prints."""

    def __init__(self, console: Console, gateway: str, hosts: dict[str, str]) -> None:
        self.console = console
        self._gateway = httpx2.Client(base_url=gateway, timeout=30, trust_env=False)
        self._hosts = hosts
        self._port = httpx2.URL(gateway).port
        self._steps = 0

    def step(self, title: str, why: str) -> None:
        self._steps += 1
        self.console.print(f"\n[bold cyan]{self._steps:2}  {title}[/bold cyan]")
        self.console.print(Padding(Text(why, "italic"), (0, 0, 0, 4)))

    def send(self, method: str, host: str, path: str, expect: int, token: str = "", **content: Any) -> httpx2.Response:
        """Sends the request and prints it with its answer. Raises DemoFailed on any other status than `expect`."""
        answer = self.ask(method, host, path, token, **content)
        self.show(answer)
        if answer.status_code != expect:
            raise DemoFailed(f"expected {expect}, got {answer.status_code}")
        return answer

    def ask(self, method: str, host: str, path: str, token: str = "", **content: Any) -> httpx2.Response:
        """One request to the gateway under one of its host names. Prints nothing."""
        headers = {"host": f"{self._hosts[host]}:{self._port}"}
        if token:
            headers["authorization"] = f"Bearer {token}"
        return self._gateway.request(method, path, headers=headers, **content)

    def show(self, answer: httpx2.Response, body: bool = True) -> None:
        """Prints an answer with its request."""
        request = answer.request
        address = f"http://{request.headers['host']}{request.url.raw_path.decode()}"
        line = Text("→ ", "dim").append(f"{request.method} ", "bold").append(address)
        if authorization := request.headers.get("authorization"):
            line.append(f"\n  Authorization: {shortened(authorization)}", "dim")
        self.tell(line)
        if request.headers.get("content-type") == "application/json":
            self.show_json(json.loads(request.content))
        elif request.content:
            self.tell(Text(shortened(unquote_plus(request.content.decode()))))
        line = Text("← ", "dim").append(
            f"{answer.status_code} {answer.reason_phrase}", "green" if answer.is_success else "red"
        )
        line.append(
            f"  {answer.elapsed.total_seconds() * 1000:.0f} ms  x-trace-id {answer.headers.get('x-trace-id', '')}",
            "dim",
        )
        self.tell(line)
        if body and answer.content:
            self.show_json(answer.json())

    def tell(self, *parts: RenderableType) -> None:
        """Prints lines, wrapped on a terminal. In a pipe they are not wrapped, so that a search finds a whole address."""
        if self.console.is_terminal:
            self.console.print(Padding(Group(*parts), (0, 0, 0, 4)))
        else:
            for part in parts:
                text = part.code if isinstance(part, Syntax) else str(part)
                self.console.print(Text(indent(text, "    ")), soft_wrap=True)

    def wait(self, condition: Callable[[], T | None], what: str, seconds: float = 30) -> T:
        """Calls `condition` until its result is true, and returns that. Raises DemoFailed after `seconds`."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if result := condition():
                return result
            time.sleep(0.05)
        raise DemoFailed(f"waited {seconds:g} s in vain for {what}")

    def show_json(self, content: Any) -> None:
        lines = shortened(pretty(content)).splitlines()
        if len(lines) > LONGEST_ANSWER:
            lines = [*lines[: LONGEST_ANSWER - 1], f"… {len(lines) - LONGEST_ANSWER + 1} more lines"]
        self.tell(Syntax("\n".join(lines), "json", theme="ansi_dark", background_color="default", word_wrap=True))


def pretty(content: Any, indent: str = "") -> str:
    """JSON in which each part that fits on one line is on one line."""
    inline = json.dumps(content, ensure_ascii=False)
    if not isinstance(content, dict | list) or (indent and len(inline) + len(indent) <= INLINE):
        return inline
    deeper = indent + "  "
    if isinstance(content, list):
        parts, (first, last) = [pretty(item, deeper) for item in content], "[]"
    else:
        parts, (first, last) = [f"{json.dumps(name)}: {pretty(item, deeper)}" for name, item in content.items()], "{}"
    return f"{first}\n{deeper}" + f",\n{deeper}".join(parts) + f"\n{indent}{last}"


def shortened(text: str) -> str:
    """Tokens and secrets cut after a few characters."""
    return SECRET.sub(lambda match: f"{next(group for group in match.groups() if group)}…", text)
