"""Requests, responses and pages: strict JSON into Structs, Structs into JSON. Nothing is silently dropped.

Lists are newest first: an opaque cursor holds the last id seen, and ids sort by time. A cursor also identifies its list and filters, so
that a cursor of another list is refused. It contains no secret and grants no access: row-level security decides which rows a list has.
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeVar
from urllib.parse import parse_qsl, urlencode

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from shared.primitives.crypto import base64url_decode, base64url_encode
from shared.web import problems, strict_json
from shared.web.external_ids import external_id
from shared.web.problems import FieldError, Problem

T = TypeVar("T")
MAX_BODY = 1 << 20
SMALL = 64 << 10


class Body(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A request's body or query: a field it does not name is refused, since dropping one could lose a clinical fact.

    One of more than `max_bytes` is refused with 413 before it is parsed. `by_item` leaves numbers and texts that cannot be stored
    where they are, for `convert_item` to refuse the items that hold them. `media` are the media types that it is sent as.
    """

    max_bytes: ClassVar[int] = SMALL
    media: ClassVar[tuple[str, ...]] = ("application/json",)
    by_item: ClassVar[bool] = False


if TYPE_CHECKING:
    Number = Decimal
else:

    class _AnyDecimal(type):
        def __instancecheck__(cls, value: object) -> bool:
            return isinstance(value, Decimal)

    class Number(metaclass=_AnyDecimal):
        """A JSON number kept as an exact Decimal. msgspec alone would take the string "NaN" as one."""


Timestamp = Annotated[datetime, msgspec.Meta(tz=True)]
ExternalId = Annotated[str, external_id()]
"""Of the partner's own making, opaque to us. `Annotated[str, external_id(n)]` is one of up to `n` characters."""

_encoder = msgspec.json.Encoder(decimal_format="number")
encode = _encoder.encode


def limit_of(kind: object) -> int:
    """How many bytes a body of that type may have."""
    return getattr(kind, "max_bytes", Body.max_bytes)


def _most_values(kind: object) -> int:
    """How many values: a genuine body has some sixteen bytes for each, at least."""
    return min(strict_json.MAX_VALUES, limit_of(kind) // 16)


async def decode(request: Request, kind: type[T], *, required: bool = True) -> T:
    """The request's JSON body as `kind`; one that is not `required` may be left out, for every default.

    Raises Problem: 415 wrong type, 413 too large, 400 not JSON, 422 not a `kind`. The plain values stay in
    `request.state.named`, which tells what was named from what was left out.
    Ask for the caller's scope first: a body is read for nobody who may not send it.
    """
    if not required and not await read_body(request, limit_of(kind)):
        return kind()
    types = request.headers.getlist("content-type")
    content_type = types[0].partition(";")[0].strip().lower() if len(types) == 1 else ""
    media: tuple[str, ...] = getattr(kind, "media", Body.media)
    if content_type not in media or request.headers.get("content-encoding", "identity") != "identity":
        raise problems.Problem(
            415,
            "Unsupported media type",
            f"Send {' or '.join(media)}, without a content encoding.",
            headers={"accept": ", ".join(media)},
        )
    body = await read_body(request, limit_of(kind))
    # Commands import the models of bodies, but nothing that a process alone needs.
    from shared.web import heavy

    async with heavy.turn(request, is_heavy=len(body) > SMALL):
        asked, request.state.named = _read_body(body, kind)
    return asked


def _read_body(body: bytes, kind: type[T]) -> tuple[T, Any]:
    value = strict_json.parse(body, by_item=getattr(kind, "by_item", False), values=_most_values(kind))
    return convert(value, kind), value


async def read_body(request: Request, limit: int = SMALL) -> bytes:
    """The body, never more than `limit` bytes of it in memory. Kept on the request, so that it can be asked for again.

    Raises Problem: 413.
    """
    kept = getattr(request.state, "body_bytes", None)
    if kept is not None:
        return kept
    declared_within(request, limit)
    chunks: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk, more = message.get("body", b""), message.get("more_body", False)
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        chunks.append(chunk)
    body = request.state.body_bytes = b"".join(chunks)
    return body


def declared_length(request: Request) -> int | None:
    """The body's length in bytes; None if it comes in chunks. The server delivers no more than the declared length."""
    declared = request.headers.get("content-length", "")
    if not declared and "transfer-encoding" not in request.headers:
        return 0
    return int(declared[:20]) if declared.isdecimal() else None


def declared_within(request: Request, limit: int) -> int | None:
    """The declared length, as `declared_length` gives it. Raises a 413 Problem if it exceeds `limit`."""
    declared = declared_length(request)
    if declared is not None and declared > limit:
        raise _too_large(limit)
    return declared


def _too_large(limit: int) -> problems.Problem:
    return problems.Problem(413, "Content too large", f"The body may have at most {limit} bytes.")


def decode_bytes(body: bytes, kind: type[T]) -> T:
    return convert(strict_json.parse(body, values=_most_values(kind)), kind)


def convert_item(value: Any, kind: type[T]) -> T:
    """One item of a body that was decoded `by_item`. Raises a 422 Problem with pointers within the item."""
    strict_json.refuse_unstorable_text(value)
    return convert(value, kind)


def convert(value: Any, kind: type[T]) -> T:
    """Plain values as `kind`, times in UTC. Raises a 422 Problem with a JSON Pointer to each thing that does not fit."""
    try:
        return _to_utc(_converted(value, kind))
    except msgspec.ValidationError:
        raise _unfit("The body does not fit; see errors.", strict_json.find_faults(value, kind, _converted)) from None
    except UnicodeEncodeError:  # in a body decoded `by_item`, outside its items
        strict_json.refuse_unstorable_text(value)
        raise


def _unfit(detail: str, errors: list[FieldError]) -> problems.Problem:
    more = {"more": True} if len(errors) > strict_json.MOST_FAULTS else {}
    return problems.invalid(detail, errors[: strict_json.MOST_FAULTS], **more)


def _converted(value: Any, kind: Any) -> Any:
    return strict_json.with_ids(msgspec.convert(value, kind, dec_hook=_decode_custom), kind)


def _read(text: Any, kind: Any) -> Any:
    """As a query has it, where everything is text."""
    return strict_json.with_ids(msgspec.convert(text, kind, strict=False, dec_hook=_decode_custom), kind)


def _with_numbers(values: dict[str, str], kind: type) -> dict[str, Any]:
    """The parameters, those that are whole numbers as such: the fault of `limit=0` is its size, not its type."""
    whole = {field.encode_name for field in msgspec.structs.fields(kind) if strict_json.takes_integers(field.type)}
    return {name: int(text) if name in whole and _WHOLE.fullmatch(text) else text for name, text in values.items()}


MAX_PARAMETERS = 32


def query(request: Request, kind: type[T]) -> T:
    """The query string as `kind` (a Body whose fields are scalars). Unknown and repeated parameters are refused with 422."""
    if request.scope["query_string"].count(b"&") >= MAX_PARAMETERS:
        raise problems.invalid(f"The query has more than {MAX_PARAMETERS} parameters.")
    values: dict[str, str] = {}
    for name, text in request.query_params.multi_items():
        pointer = strict_json.pointer_of("", name).removeprefix("/")
        if name in values:
            raise problems.invalid(
                "A parameter is repeated.", [FieldError(pointer, "Given more than once.", "repeated")]
            )
        if "\0" in text or not strict_json.is_storable(text):
            raise problems.invalid(
                "A parameter holds characters that are not allowed.",
                [FieldError(pointer, strict_json.NOT_TEXT, "text")],
            )
        values[name] = text
    try:
        asked = _read(values, kind)
    except msgspec.ValidationError:
        found = strict_json.find_faults(_with_numbers(values, kind), kind, _read)
        named = [error._replace(pointer=error.pointer.removeprefix("/")) for error in found]
        raise _unfit("The query does not fit; see errors.", named) from None
    for name, text in values.items():
        # msgspec accepts two texts too easily: it reads null as no filter, and 1e1 as 10.
        value, wrong = getattr(asked, name, ""), ""
        if value is None:
            wrong = "null is no value here; leave it out"
        elif type(value) is int and not _WHOLE.fullmatch(text):
            wrong = "Expected a whole number in decimal digits"
        if wrong:
            raise problems.invalid("The query does not fit; see errors.", [FieldError(name, wrong, "type")])
    return _to_utc(asked)


def json(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(encode(content), status, {"cache-control": "no-store"} | dict(headers or {}), "application/json")


def created(content: Any, location: str) -> Response:
    return json(content, 201, {"location": location})


def no_content() -> Response:
    return Response(status_code=204)


def _decode_custom(kind: type, value: Any) -> Any:
    if kind is not Number:
        raise TypeError(f"{kind.__name__} cannot be read from JSON")
    if isinstance(value, Decimal):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    if isinstance(value, strict_json.NumberOutOfBounds):
        raise ValueError(f"has {strict_json.BEYOND}")
    raise ValueError(f"Expected number, got {strict_json.word_of(value)}.")


_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,39})")


_TIMELESS = frozenset({type(None), str, bool, int, Decimal})


def _to_utc(value: Any) -> Any:
    """Every aware time in UTC, so that what goes out ends in Z whatever offset came in."""
    if isinstance(value, datetime):
        try:
            return value.astimezone(UTC) if value.tzinfo is not None else value
        except OverflowError:
            raise problems.invalid(
                "A time is out of range.", [FieldError("", "not between the years 1 and 9999 in UTC")]
            ) from None
    if isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            member = getattr(value, name)
            if type(member) not in _TIMELESS and isinstance(member, datetime | msgspec.Struct | list | dict):
                turned = _to_utc(member)
                if turned is not member:
                    msgspec.structs.force_setattr(value, name, turned)
    elif isinstance(value, list):
        value[:] = [_to_utc(item) for item in value]
    elif isinstance(value, dict):
        for name, member in value.items():
            value[name] = _to_utc(member)
    return value


Row = TypeVar("Row")
CURSOR_MARK = 9  # bytes of a cursor that identify its list and filters


class Page(Body):
    """`?limit=` (1..100, default 50) and `?cursor=`; subclass it to add filters."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 50
    cursor: str | None = None


def page_after(request: Request, page: Page, most: int = 128) -> str | None:
    """The id after which this page begins, or None for the first page. Raises a 422 Problem for a cursor of another list.

    `most` is the length of the longest id of the list.
    """
    if page.cursor is None:
        return None
    try:
        opened = base64url_decode(page.cursor)
        last = opened[CURSOR_MARK:].decode("ascii")
    except (ValueError, UnicodeDecodeError):
        raise foreign_cursor() from None
    if not last or len(last) > most or not last.isprintable():
        raise foreign_cursor()
    if opened[:CURSOR_MARK] != _cursor_mark(request, page):
        raise problems.invalid(
            "The cursor was given out for another list, or with other filters; begin again without it.",
            [FieldError("cursor", "not a cursor of this list with these filters")],
        )
    return last


def foreign_cursor() -> Problem:
    return problems.invalid("The cursor is not one we gave out.", [FieldError("cursor", "not a cursor of this list")])


def slice_page(
    request: Request, rows: Sequence[Row], page: Page, key: Callable[[Row], str], reached: str | None = None
) -> tuple[Sequence[Row], str | None]:
    """Cuts `limit + 1` rows to one page, and makes the cursor of the next page if there are more rows.

    `reached` is the id up to which the list was looked through, if that is not its end: the next page begins there.
    """
    if len(rows) <= page.limit:
        return rows, None if reached is None else next_cursor(request, page, reached)
    kept = rows[: page.limit]
    return kept, next_cursor(request, page, key(kept[-1]))


def listed(
    request: Request,
    name: str,
    rows: Sequence[Row],
    page: Page,
    key: Callable[[Row], str],
    shown: Callable[[Row], Any] | None = None,
    reached: str | None = None,
) -> Response:
    """Answers `{name: rows, "next_cursor": …}` with a Link; each row goes through `shown`. `reached` as for `slice_page`."""
    rows, cursor = slice_page(request, rows, page, key, reached)
    content = {name: rows if shown is None else [shown(row) for row in rows], "next_cursor": cursor}
    return json(content, headers=link_header(request, cursor))


def next_cursor(request: Request, page: Page, last: str) -> str:
    """The cursor of the page after the id `last`; `page_after` reads it back."""
    return base64url_encode(_cursor_mark(request, page) + last.encode())


def link_header(request: Request, next_cursor: str | None) -> dict[str, str]:
    """`Link: <…>; rel="next"` (RFC 8288), relative to the host, with the caller's own filters."""
    if next_cursor is None:
        return {}
    others = [(name, value) for name, value in parse_qsl(request.url.query) if name != "cursor"]
    target = f"{request.url.path}?{urlencode([*others, ('cursor', next_cursor)])}"
    return {"link": f'<{target}>; rel="next"'}


def _cursor_mark(request: Request, page: Page) -> bytes:
    """A digest of the list's path and filters; it is equal for all pages of the list and for all page sizes."""
    filters = {name: value for name, value in msgspec.structs.asdict(page).items() if name not in ("cursor", "limit")}
    return hashlib.blake2b(encode([request.url.path, filters]), digest_size=CURSOR_MARK).digest()


_TAG = re.compile(r'(?:W/)?"([\x21\x23-\x7e]*)"')


def tag_of(*parts: object) -> str:
    """A strong tag with its quotes; equal parts give equal tags."""
    return f'"{hashlib.sha256(repr(parts).encode()).hexdigest()[:32]}"'


def is_known(if_none_match: list[str], tag: str) -> bool:
    """Whether the client already has the representation of `tag` (weak comparison)."""
    text = ",".join(if_none_match).strip()
    return text == "*" or tag.strip('"') in _TAG.findall(text)


def not_modified(headers: Mapping[str, str]) -> Response:
    return Response(status_code=304, headers=dict(headers) | {"cache-control": "no-store"})
