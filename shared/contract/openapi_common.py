"""The parts that all operations of the contract share: errors, headers, parameters."""

from typing import Any

SCHEMAS: dict[str, Any] = {
    "Problem": {
        "type": "object",
        "description": "A problem document (RFC 9457). Some problems have more members.",
        "required": ["type", "title", "status", "detail", "trace_id"],
        "properties": {
            "type": {
                "type": "string",
                "format": "uri",
                "description": "The kind of problem, as the error catalogue lists it",
            },
            "title": {"type": "string", "description": "The kind of problem, in words"},
            "status": {"type": "integer", "description": "The HTTP status"},
            "detail": {"type": "string", "description": "An explanation for people, with the remedy"},
            "trace_id": {
                "type": "string",
                "pattern": "^[0-9a-f]{32}$",
                "description": "The id of the request; give it to support",
            },
            "errors": {
                "type": "array",
                "description": "The fields that are not valid",
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
                            "description": "The kind of fault: `missing`, `unknown`, `type`, `enum`, `length`, `pattern`, `range`,"
                            " `format`, `rule`, `repeated`, `text`, or `invalid` for any other",
                        },
                        "detail": {"type": "string", "description": "The expected value; never the received one"},
                        "allowed": {"type": "array", "description": "The accepted values", "items": {}},
                        "limit": {"type": "number", "description": "The limit that the value exceeds"},
                        "did_you_mean": {
                            "type": "string",
                            "description": "The accepted name or value that is most similar to the refused one",
                        },
                    },
                },
            },
            "more": {"type": "boolean", "description": "True if there are more faults than the 50 listed"},
        },
    },
    "OAuthError": {
        "type": "object",
        "description": "An error of an OAuth endpoint (RFC 6749 §5.2).",
        "required": ["error"],
        "properties": {
            "error": {"type": "string", "description": "A code of the error catalogue, such as `invalid_client`"},
            "error_description": {"type": "string", "description": "An explanation for people"},
        },
    },
}
MEANINGS = {
    400: "The request is malformed; correct it before you send it again",
    401: "The token is missing or not valid; get a new one",
    403: "The token does not permit this; `detail` names the missing scope or grant",
    404: "The resource does not exist, or it belongs to another organisation",
    413: "The body is too large; `detail` has the limit",
    415: "The path does not accept this content type; send application/json",
    416: "The range is outside the content",
    422: "The request is well-formed but not valid; `errors` lists each fault and the accepted values",
    429: "Too many requests, or bytes of refused bodies; wait for the seconds in Retry-After",
    502: "The service gave no usable answer; repeat the call with the same Idempotency-Key",
    503: "A part of the platform is not available; try again after the seconds in Retry-After",
    504: "The service did not answer in time; repeat the call with the same Idempotency-Key",
}
OAUTH_STATUSES = {400, 401, 413, 503}
ANSWERED = {
    200: "Done",
    201: "Created",
    202: "Accepted",
    204: "Done",
    206: "A part of the content",
    302: "Go to another page",
    303: "Go to another page",
}
ANSWERED[304] = "The client's copy is still current"


def _header(description: str, example: str, **schema: Any) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string", "examples": [example], **schema}}


HEADERS = {
    "X-Trace-Id": _header("The trace of this request", "0af7651916cd43dd8448eb211c80319c", pattern="^[0-9a-f]{32}$"),
    "Traceresponse": _header(
        "The same trace in the format of W3C Trace Context Level 2",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    ),
    "RateLimit": _header(
        "Requests left in the window (r), of the client or the fewer ones of its organisation; seconds until all are available again (t)",
        '"write";r=1199;t=60',
    ),
    "RateLimit-Policy": _header(
        "The rate: requests (q) in a window of seconds (w); bytes of refused bodies where `qu` is `content-bytes`",
        '"write";q=1200;w=60',
    ),
    "Retry-After": _header("Seconds to wait before trying again", "1", pattern="^[0-9]+$"),
    "WWW-Authenticate": _header("How to authenticate (RFC 6750, RFC 9728)", 'Bearer realm="knogin"'),
    "Location": _header("The path of the resource on the same host", "/v1/webhooks/wh_01jdkfx3c8e2r9v5m7q4t6w0ya"),
    "Link": _header("The next page, if there is one (RFC 8288)", '</v1/webhooks?cursor=b3Jn>; rel="next"'),
    "ETag": _header("The version of this answer", '"5f1d8c0f6a8e4c0db0a3d1c2b3a4f5e6"'),
    "Accept-Ranges": _header("The path supports requests for ranges", "bytes"),
    "Content-Range": _header("The range of bytes in this answer, and the total number", "bytes 0-1023/10485760"),
    "Idempotent-Replayed": _header("Present if this is the stored answer of an earlier call", "true"),
}
# Of the answers of deprecated calls.
OF_DEPRECATED = {
    "Deprecation": _header("Since when the call is deprecated, in Unix seconds (RFC 9745)", "@1798761600"),
    "Sunset": _header("From when on the call may be gone (RFC 8594)", "Thu, 01 Jul 2027 00:00:00 GMT"),
    "Link": {"$ref": "#/components/headers/Link"},
}
PARAMETERS = {
    "Idempotency-Key": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "Makes the call safe to repeat: for 24 hours, the same request with the same key gets the stored answer.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]([ -~]*[!-~])?$"},
        "example": "6f0b1c1e-order-1",
    },
    "If-Match": {
        "name": "If-Match",
        "in": "header",
        "description": "The ETag of the version that the call replaces.",
        "schema": {"type": "string", "pattern": "^[ -~]*$"},
    },
    "If-None-Match": {
        "name": "If-None-Match",
        "in": "header",
        "description": "The ETag of an earlier answer. If it is still current, the answer is 304.",
        "schema": {"type": "string", "pattern": "^[ -~]*$"},
    },
    "Range": {
        "name": "Range",
        "in": "header",
        "description": "One range of bytes (RFC 9110 §14). Any other value gets the whole content.",
        "schema": {"type": "string", "pattern": "^[ -~]*$"},
        "example": "bytes=1024-",
    },
    "If-Range": {
        "name": "If-Range",
        "in": "header",
        "description": "The ETag of the part that the client has. If the content has changed since, the answer is the whole content.",
        "schema": {"type": "string", "pattern": "^[ -~]*$"},
    },
    "X-Tenant-ID": {
        "name": "X-Tenant-ID",
        "in": "header",
        "description": "The tenant of the token. A different tenant gets 403.",
        "schema": {"type": "string", "pattern": "^[!-~]+$"},
    },
}


def headers_of(status: int, has_etag: bool, is_idempotent: bool, has_ranges: bool = False) -> dict[str, Any]:
    """References to the header fields that an answer may have."""
    names = ["X-Trace-Id", "Traceresponse", "RateLimit", "RateLimit-Policy"]
    names += ["Location"] if status in (201, 202, 302, 303) else []
    names += ["Link"] if status == 200 else []
    names += ["ETag"] if has_etag else []
    names += ["Accept-Ranges"] if has_ranges else []
    names += ["Content-Range"] if status in (206, 416) else []
    names += ["Idempotent-Replayed"] if is_idempotent else []
    names += ["WWW-Authenticate"] if status in (401, 403) else []
    names += ["Retry-After"] if status in (409, 429, 503) else []
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
