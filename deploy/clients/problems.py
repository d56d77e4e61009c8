"""The errors of every SDK: a class for each status, and below it one for each kind of problem with that status."""

from typing import NamedTuple

from deploy.clients.contract import pascal
from deploy.docs.errors import OAUTH, PROBLEMS

STATUSES = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    408: "RequestTimeout",
    409: "Conflict",
    410: "Gone",
    412: "PreconditionFailed",
    413: "ContentTooLarge",
    414: "UriTooLong",
    415: "UnsupportedMediaType",
    416: "RangeNotSatisfiable",
    417: "ExpectationFailed",
    421: "MisdirectedRequest",
    422: "UnprocessableContent",
    428: "PreconditionRequired",
    429: "TooManyRequests",
    431: "RequestHeaderFieldsTooLarge",
    500: "InternalError",
    502: "BadGateway",
    503: "ServiceUnavailable",
    504: "GatewayTimeout",
    505: "HttpVersionNotSupported",
}
OAUTH_STATUSES = {"invalid_client": 401, "temporarily_unavailable": 503}


class Kind(NamedTuple):
    """`type` is the slug of the problem or the OAuth error; `name` is the name of its class, which may be the one of its status."""

    status: int
    type: str
    name: str
    meaning: str

    @property
    def is_the_status(self) -> bool:
        return self.name == STATUSES[self.status]


def kinds() -> list[Kind]:
    problems = [Kind(one.status, one.slug, pascal(one.title), one.meaning) for one in PROBLEMS]
    oauth = [
        Kind(OAUTH_STATUSES.get(error, 400), error, f"OAuth{pascal(error)}", meaning)
        for error, meaning in OAUTH.items()
    ]
    return problems + oauth


def meaning_of(status: int) -> str:
    """The meaning of a status where its problem has no class of its own."""
    meaning = [kind.meaning for kind in kinds() if kind.status == status and kind.is_the_status]
    return " ".join(meaning) or f"Status {status}."
