"""Knogin's integration platform: `Knogin` and `AsyncKnogin` call it, `webhooks.verify` reads its events."""

from . import errors, models, problems, webhooks
from ._client import AsyncKnogin, Knogin
from ._model import Model
from ._paging import AsyncPages, Page, Pages
from ._transport import Answer
from ._version import CONTRACT, VERSION
from .consuming import consume, consume_async
from .errors import (
    APIError,
    ConfigurationError,
    ConnectionFailed,
    FieldFault,
    GraphqlRefused,
    KnoginError,
    TimedOut,
    UnreadableAnswer,
)

__version__ = VERSION
__all__ = [
    "CONTRACT",
    "VERSION",
    "APIError",
    "Answer",
    "AsyncKnogin",
    "AsyncPages",
    "ConfigurationError",
    "ConnectionFailed",
    "FieldFault",
    "GraphqlRefused",
    "Knogin",
    "KnoginError",
    "Model",
    "Page",
    "Pages",
    "TimedOut",
    "UnreadableAnswer",
    "consume",
    "consume_async",
    "errors",
    "models",
    "problems",
    "webhooks",
]
