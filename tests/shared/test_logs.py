"""Logs: one JSON object a line, with trace and tenant, and never an exception's text."""

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from shared.process import telemetry
from shared.web import problems
from shared.web.routing import resource
from shared.web.serving import TracingMiddleware
from tests.shared.asking import ask, run

NAME = "Mario Rossi"


@pytest.fixture
def line() -> Callable[..., dict[str, Any]]:
    formatter = telemetry.JsonFormatter("epcr")

    def format_one(
        message: str, *arguments: object, error: BaseException | None = None, **extra: Any
    ) -> dict[str, Any]:
        exc_info = None if error is None else (type(error), error, error.__traceback__)
        record = logging.getLogger("x").makeRecord(
            extra.pop("logger_name", "x"), logging.ERROR, "file", 1, message, arguments, exc_info, extra=extra
        )
        text = formatter.format(record)
        assert "\n" not in text
        return json.loads(text)

    return format_one


def raised(error: Exception) -> Exception:
    try:
        raise error
    except Exception as caught:
        return caught


def test_a_line_says_when_where_and_what(line: Callable[..., dict[str, Any]]) -> None:
    logged = line("sent %d", 3, queue="epcr")
    assert (logged["service"], logged["level"], logged["message"], logged["queue"]) == (
        "epcr",
        "error",
        "sent 3",
        "epcr",
    )
    assert logged["at"].endswith("Z")


def test_an_exception_is_logged_by_type_and_place_alone(line: Callable[..., dict[str, Any]]) -> None:
    logged = line("failed", error=raised(ValueError(NAME)))
    assert logged["exception"].startswith("ValueError at test_logs.py:")
    assert NAME not in json.dumps(logged)


def test_celerys_own_account_of_a_failed_task_is_left_out(line: Callable[..., dict[str, Any]]) -> None:
    logged = line(
        f"Task raised: {NAME}", error=raised(ValueError(NAME)), logger_name="celery.app.trace", data={"args": NAME}
    )
    assert logged["message"] == "task failed"
    assert NAME not in str(logged)
    assert NAME not in json.dumps(logged)


def test_a_line_break_in_a_message_forges_no_second_line(line: Callable[..., dict[str, Any]]) -> None:
    assert line('a\n{"level": "info"}')["message"] == 'a\n{"level": "info"}'


async def fail(request: Request) -> Response:
    raise RuntimeError(NAME)


app = Starlette(
    routes=[resource("/people/{name}", GET=fail)],
    middleware=[Middleware(TracingMiddleware)],
    exception_handlers=problems.exception_handlers,
)


def test_a_request_leaves_its_route_its_status_and_its_trace_but_no_path_or_query(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(telemetry, "_accessed", "")
    level = root.level
    telemetry.configure_logs("epcr")
    try:
        answer = run(ask(app, path=f"/people/{NAME}", query=b"name=Rossi"))
    finally:
        root.setLevel(level)
    lines = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    access = next(each for each in lines if each["logger"] == "access")
    assert (access["message"], access["status"]) == ("GET /people/{name} 500", 500)
    assert {each["trace_id"] for each in lines} == {answer.headers["x-trace-id"]}
    assert "Rossi" not in json.dumps(lines)


def test_a_log_that_cannot_be_written_fails_no_request(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

    async def fine(request: Request) -> Response:
        return Response("fine")

    served = Starlette(routes=[resource("/", GET=fine)], middleware=[Middleware(TracingMiddleware)])
    monkeypatch.setattr(telemetry, "_accessed", "epcr")
    monkeypatch.setattr("sys.stdout", Full())
    assert run(ask(served, path="/")).status == 200
