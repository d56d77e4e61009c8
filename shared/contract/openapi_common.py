"""The parts that all operations of the contract share: errors, headers, parameters."""

from typing import Any

SCHEMAS: dict[str, Any] = {
    "Problem": {
        "type": "object",
        "description": "A problem document (RFC 9457). Some problems have members of their own beside these.",
        "required": ["type", "title", "status", "detail", "trace_id"],
        "properties": {
            "type": {
                "type": "string",
                "format": "uri",
                "description": "Which kind of problem: see the error catalogue",
            },
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string", "description": "What to do about it, for people"},
            "trace_id": {"type": "string", "pattern": "^[0-9a-f]{32}$", "description": "Quote it to support"},
            "errors": {
                "type": "array",
                "description": "What is wrong with which field",
                "items": {
                    "type": "object",
                    "required": ["pointer", "code", "detail"],
                    "properties": {
                        "pointer": {
                            "type": "string",
                            "description": "A JSON Pointer (RFC 6901) into the body, or the name of a query parameter",
                        },
                        "code": {
                            "type": "string",
                            "description": "What kind of fault it is: `missing`, `unknown`, `type`, `enum`, `length`, `pattern`, `range`,"
                            " `format`, `rule`, `repeated`, `text`, or `invalid` for any other",
                        },
                        "detail": {"type": "string", "description": "What was expected; never the value that came"},
                        "allowed": {"type": "array", "description": "The values that would be taken"},
                        "limit": {"type": "number", "description": "The bound that was passed"},
                        "did_you_mean": {"type": "string", "description": "The known name most like an unknown one"},
                    },
                },
            },
            "more": {"type": "boolean", "description": "True where there are more faults than the 50 that are listed"},
        },
    },
    "OAuthError": {
        "type": "object",
        "description": "An error of an OAuth endpoint (RFC 6749 §5.2).",
        "required": ["error"],
        "properties": {"error": {"type": "string"}, "error_description": {"type": "string"}},
    },
}
MEANINGS = {
    400: "The request is malformed",
    401: "There is no valid token",
    403: "The token may not do this",
    404: "There is no such resource",
    413: "The body is too large",
    415: "The body has another content type",
    416: "There is nothing of it in the range",
    422: "The request is well-formed but does not fit",
    429: "Too many requests",
    502: "The service gave no usable answer",
    503: "A part of the service is not available",
    504: "The service did not answer in time",
}
OAUTH_STATUSES = {400, 401, 413, 503}
ANSWERED = {
    200: "Done",
    201: "Created",
    202: "Accepted",
    204: "Done",
    206: "A part of it",
    302: "On to another page",
    303: "On to another page",
}
ANSWERED[304] = "What the client has is still current"


def _header(description: str, example: str, **schema: Any) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string", "examples": [example], **schema}}


HEADERS = {
    "X-Trace-Id": _header("The trace of this request", "0af7651916cd43dd8448eb211c80319c", pattern="^[0-9a-f]{32}$"),
    "Traceresponse": _header(
        "The same as W3C Trace Context Level 2 writes it", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    ),
    "RateLimit": _header("What is left of the rate (r) and seconds until it is whole again (t)", '"write";r=1199;t=60'),
    "RateLimit-Policy": _header("The rate: requests (q) in a window of seconds (w)", '"write";q=1200;w=60'),
    "Retry-After": _header("Seconds to wait before trying again", "1", pattern="^[0-9]+$"),
    "WWW-Authenticate": _header("How to authenticate (RFC 6750, RFC 9728)", 'Bearer realm="knogin"'),
    "Location": _header("Where it is, relative to the host", "/v1/webhooks/wh_01jdkfx3c8e2r9v5m7q4t6w0ya"),
    "Link": _header("The next page, if there is one (RFC 8288)", '</v1/webhooks?cursor=b3Jn>; rel="next"'),
    "ETag": _header("Names this version of the answer", '"5f1d8c0f6a8e4c0db0a3d1c2b3a4f5e6"'),
    "Accept-Ranges": _header("Parts of it can be asked for", "bytes"),
    "Content-Range": _header("Which bytes of how many", "bytes 0-1023/10485760"),
    "Idempotent-Replayed": _header("There when this is the stored answer of an earlier call", "true"),
}
PARAMETERS = {
    "Idempotency-Key": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "Makes the call safe to repeat: for 24 hours the same key and request get the stored answer again.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]([ -~]*[!-~])?$"},
        "example": "6f0b1c1e-order-1",
    },
    "If-None-Match": {
        "name": "If-None-Match",
        "in": "header",
        "description": "The ETag of an earlier answer: 304 if it still holds.",
        "schema": {"type": "string", "pattern": "^[ -~]*$"},
    },
    "Range": {
        "name": "Range",
        "in": "header",
        "description": "The part to answer with (RFC 9110 §14): one range of bytes. Anything else is answered with the whole.",
        "schema": {"type": "string", "pattern": "^[ -~]*$"},
        "example": "bytes=1024-",
    },
    "If-Range": {
        "name": "If-Range",
        "in": "header",
        "description": "The ETag of the part there is already: the whole is answered if it has changed.",
        "schema": {"type": "string", "pattern": "^[ -~]*$"},
    },
    "X-Tenant-ID": {
        "name": "X-Tenant-ID",
        "in": "header",
        "description": "The tenant of the token; another one is refused with 403.",
        "schema": {"type": "string", "pattern": "^[!-~]+$"},
    },
}
QUERY_FIELDS = {
    "limit": "How many at most",
    "cursor": "`next_cursor` of the page before",
    "since": "From this moment on",
    "until": "Up to this moment, exclusive",
}


def headers_of(status: int, has_etag: bool, is_idempotent: bool, has_ranges: bool = False) -> dict[str, Any]:
    """References to the header fields that an answer may have."""
    names = ["X-Trace-Id", "Traceresponse", "RateLimit", "RateLimit-Policy"]
    names += ["Location"] if status in (201, 302, 303) else []
    names += ["Link"] if status == 200 else []
    names += ["ETag"] if has_etag else []
    names += ["Accept-Ranges"] if has_ranges else []
    names += ["Content-Range"] if status in (206, 416) else []
    names += ["Idempotent-Replayed"] if is_idempotent else []
    names += ["WWW-Authenticate"] if status in (401, 403) else []
    names += ["Retry-After"] if status in (409, 429, 503) else []
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
