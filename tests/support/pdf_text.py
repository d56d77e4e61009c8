"""The text of a PDF that typst made, page by page. Its objects are plain, and a run of text is one Tj or TJ in a font with a ToUnicode map.

ISO 32000-1, 9.4 (text objects) and 9.10.3 (ToUnicode CMaps).
"""

import re
import zlib
from collections.abc import Iterator, Mapping

_OBJECT = re.compile(rb"(\d+) 0 obj(.*?)endobj", re.DOTALL)
_PAGE = re.compile(rb"/Resources (\d+) 0 R.*?/Contents (\d+) 0 R", re.DOTALL)
_FONT = re.compile(rb"/(f\d+) (\d+) 0 R")
_UNICODE = re.compile(rb"/ToUnicode (\d+) 0 R")
_RUN = re.compile(rb"/(f\d+) [\d.]+ Tf([^\[(<]*.*?)T[Jj]\s*ET", re.DOTALL)
_TEXT = re.compile(rb"\(((?:[^()\\]|\\.)*)\)|<([0-9A-Fa-f]*)>", re.DOTALL)
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|.)", re.DOTALL)
_CHARACTER = re.compile(rb"^<([0-9A-F]{4})> <([0-9A-F]+)>$", re.MULTILINE | re.IGNORECASE)
_NAMED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


def runs_of_pages(body: bytes) -> list[list[str]]:
    """The runs of text of each page, in their order; a run is a line of a paragraph or of a cell, or a part of one in another font."""
    objects = {found[1]: found[2] for found in _OBJECT.finditer(body)}
    kids = re.search(rb"/Type/Pages.*?/Kids\[(.*?)\]", body, re.DOTALL)
    assert kids is not None
    return [list(_runs(objects, objects[page])) for page in re.findall(rb"(\d+) 0 R", kids[1])]


def _runs(objects: Mapping[bytes, bytes], page: bytes) -> Iterator[str]:
    found = _PAGE.search(page)
    assert found is not None
    fonts = {name: _characters(objects, objects[font]) for name, font in _FONT.findall(objects[found[1]])}
    for font, run in _RUN.findall(_stream(objects[found[2]])):
        codes = b"".join(bytes.fromhex(hex_.decode()) or _plain(text) for text, hex_ in _TEXT.findall(run))
        yield "".join(fonts[font].get(codes[at : at + 2], "") for at in range(0, len(codes), 2))


def _characters(objects: Mapping[bytes, bytes], font: bytes) -> dict[bytes, str]:
    """The text of each of the font's codes."""
    named = _UNICODE.search(font)
    assert named is not None
    pairs = _CHARACTER.findall(_stream(objects[named[1]]))
    return {bytes.fromhex(code.decode()): bytes.fromhex(text.decode()).decode("utf-16-be") for code, text in pairs}


def _stream(of: bytes) -> bytes:
    content = of.partition(b"stream\n")[2]
    return zlib.decompressobj().decompress(content)


def _plain(text: bytes) -> bytes:
    def character(escape: re.Match[bytes]) -> bytes:
        given = escape[1]
        return bytes([int(given, 8)]) if given.isdigit() else _NAMED.get(given, given)

    return _ESCAPE.sub(character, text)
