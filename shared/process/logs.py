"""JSON lines on standard output, each with service, trace id and tenant. Exceptions appear as type and place, never with their text."""

import contextlib
import logging
import sys
import time
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache

import msgspec

from shared.process import tracing

tenant: ContextVar[str | None] = ContextVar("tenant", default=None)
# Data that logging collects for each record unless these are set (Python's logging HOWTO, Optimization).
_UNUSED = {"_srcfile": None} | dict.fromkeys(
    ("logThreads", "logProcesses", "logMultiprocessing", "logAsyncioTasks"), False
)
# The service whose access lines are written; empty if the log level is above INFO.
_accessed = ""
_encode = msgspec.json.Encoder().encode
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message", "taskName"}


class JsonFormatter(logging.Formatter):
    def __init__(self, service: str) -> None:
        super().__init__()
        self.service = service

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": moment(record.created),
            "level": record.levelname.lower(),
            "service": self.service,
            "logger": record.name,
            "message": "task failed" if _quotes_values(record) else record.getMessage(),
            "trace_id": tracing.trace_id() or None,
            "tenant_id": tenant.get(),
        }
        if not _quotes_values(record):
            line |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = describe(record.exc_info[1])
        return msgspec.json.encode(line, enc_hook=str).decode()


@lru_cache(maxsize=2)
def _second(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"


def moment(seconds: float) -> str:
    """Seconds since 1970 as RFC 3339 with milliseconds. The text of the second is cached, because many lines share it."""
    second, milliseconds = divmod(int(seconds * 1000), 1000)
    return f"{_second(second)}.{milliseconds:03d}Z"


def _quotes_values(record: logging.LogRecord) -> bool:
    """Whether Celery wrote a failed task's arguments and its exception's text into the record."""
    return record.name == "celery.app.trace" and record.levelno >= logging.WARNING


def describe(error: BaseException | None) -> str:
    """An exception's type and the place where it was raised, without its text, because database drivers quote values in it."""
    if error is None:
        return ""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno} {frames[-1].name}" if frames else ""
    road = " < ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in reversed(frames[-6:-1]))
    return f"{type(error).__name__}{place}" + (f" < {road}" if road else "")


def access(method: str, route: str, status: int, seconds: float, trace_id: str, tenant_id: str | None) -> None:
    """Writes the log line of one request, in the same form as all others. `logging` itself would take a sixth of a short request's time."""
    if _accessed:
        line = {
            "at": moment(time.time()),
            "level": "info",
            "service": _accessed,
            "logger": "access",
            "message": f"{method} {route} {status}",
            "trace_id": trace_id,
            "tenant_id": tenant_id,
            "status": status,
            "ms": round(seconds * 1000, 1),
        }
        # With a full disk or a closed pipe the line is lost, but the request succeeds, as in `logging`.
        with contextlib.suppress(OSError):
            sys.stdout.write(_encode(line).decode() + "\n")
            sys.stdout.flush()


def configure(service: str, level: str = "INFO") -> None:
    global _accessed
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter(service))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    _accessed = service if root.isEnabledFor(logging.INFO) else ""
    # No line contains this data, and finding the caller's frame and thread costs more than writing the line.
    for name, value in _UNUSED.items():
        setattr(logging, name, value)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "celery", "kombu"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    # `access` writes the line of each request, with the trace id and without the query string.
    logging.getLogger("uvicorn.access").disabled = True
    for name in ("httpx2", "httpcore2", "psycopg.pool", "celery.app.trace", "celery.worker.strategy", "authlib"):
        logging.getLogger(name).setLevel("WARNING")
