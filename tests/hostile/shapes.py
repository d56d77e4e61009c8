"""Costly bodies for each kind of parser, by size."""

import base64
import zlib
from collections.abc import Callable, Mapping

Shape = Callable[[int], bytes]


def repeated(unit: bytes, before: bytes = b"", after: bytes = b"") -> Shape:
    """`unit`, repeated to fill n bytes, between `before` and `after`."""
    return lambda size: before + unit * max((size - len(before) - len(after)) // len(unit), 1) + after


def listed(item: bytes, before: bytes = b"[", after: bytes = b"]") -> Shape:
    return lambda size: (
        before + b",".join([item] * max((size - len(before) - len(after)) // (len(item) + 1), 1)) + after
    )


def numbered(member: bytes, before: bytes = b"{", after: bytes = b"}") -> Shape:
    """Members with different names; `member` has %x in the name."""
    return lambda size: before + b",".join(member % number for number in range(size // (len(member) + 5))) + after


JSON: Mapping[str, Shape] = {
    "empty objects": listed(b"{}"),
    "objects of one member": listed(b'{"a":1}'),
    "empty lists": listed(b"[]"),
    "lists 60 deep": listed(b"[" * 60 + b"]" * 60),
    "lists and objects 60 deep": listed(b'[{"a":' * 30 + b"1" + b"}]" * 30),
    "one list, deeper and deeper": lambda size: b"[" * (size // 2) + b"]" * (size // 2),
    "lists 60 deep, and more that close": lambda size: (
        (b"[" * 60 + b"]" * 60) * (size // 3840) + b"]" * (size - size // 32)
    ),
    "backslashes": repeated(b"\\", b"[" * 70 + b'["'),
    "integers": listed(b"1"),
    "integers of 40 digits": listed(b"1" * 40),
    "one integer": repeated(b"1", b"[", b"]"),
    "decimals": listed(b"1.5"),
    "decimals of 40 digits": listed(b"1." + b"1" * 39),
    "exponents": listed(b"1.5e9"),
    "one decimal": repeated(b"1", b"[1.", b"]"),
    "strings": listed(b'"a"'),
    "strings in Greek": listed('"α"'.encode()),
    "escapes": repeated(b"\\u0041", b'["', b'"]'),
    "escaped quotes": repeated(b'\\"', b'["', b'"]'),
    "escaped backslashes": repeated(b"\\\\", b'["', b'"]'),
    "commas in strings": repeated(b",", b'["', b'"]'),
    "brackets in strings": repeated(b"[{", b'["', b'"]'),
    "many members": numbered(b'"%x":1'),
    "one name twice": listed(b'"a":1', b"{", b"}"),
    "half surrogates behind a long name": lambda size: (
        b'{"'
        + b"k" * (size // 2)
        + b'":{'
        + b",".join(b'"%x":"\\u0041"' % number for number in range(size // 40))
        + b',"z":"\\ud800"}}'
    ),
    "an error at the end": repeated(b"\n", b"", b"x"),
    "spaces": repeated(b" ", b"[", b"]"),
    "not UTF-8": repeated(b"a", b'["', b'\xff"]'),
}
FORM: Mapping[str, Shape] = {
    "escapes": repeated(b"%2B", b"a="),
    "broken escapes": repeated(b"%", b"a="),
    "many parameters": repeated(b"a&"),
    "many names": lambda size: b"&".join(b"a%x=1" % number for number in range(size // 8)),
    "plus signs": repeated(b"+", b"a="),
    "one parameter often": repeated(b"a=1&"),
    "resources": repeated(b"resource=a&"),
    "equals signs": repeated(b"=", b"a"),
    "ampersands": repeated(b"&"),
    "not UTF-8": repeated(b"%FF", b"a="),
}
SAML = b'xmlns:p="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:a="urn:oasis:names:tc:SAML:2.0:assertion"'
XML: Mapping[str, Shape] = {
    "encodings in the declaration": repeated(b"encoding='a'", b"<?xml ", b"?><a/>"),
    "encodings in a declaration without an end": repeated(b"encoding='a'", b"<?xml ", b"??"),
    "spaces in the declaration": repeated(b" ", b"<?xml version='1.0'", b"?><a/>"),
    "prefixes": lambda size: (
        (b"<a " + b" ".join(b'xmlns:p%x="u"' % number for number in range(min(250, size // 20))) + b">" + b"x" * size)[
            :size
        ]
        + b"</a>"
    ),
    "too many prefixes": lambda size: b"<a " + b" ".join(b'xmlns:p%x="u"' % n for n in range(size // 16)) + b"/>",
    "attributes": lambda size: b"<a " + b" ".join(b'a%x="u"' % number for number in range(size // 10)) + b"/>",
    "one attribute often": repeated(b'a="u" ', b"<a ", b"/>"),
    "elements": repeated(b"<b/>", b"<a>", b"</a>"),
    "elements with an ID": lambda size: b"<a>" + b"".join(b'<b ID="%x"/>' % n for n in range(size // 16)) + b"</a>",
    "deep": lambda size: b"<a>" * min(200, size // 7) + b"x" * size + b"</a>" * min(200, size // 7),
    "deeper than libxml2 takes": lambda size: b"<a>" * (size // 7) + b"</a>" * (size // 7),
    "entities": repeated(b"&amp;", b"<a>", b"</a>"),
    "character references": repeated(b"&#x41;", b"<a>", b"</a>"),
    "comments": repeated(b"<!---->", b"<a>", b"</a>"),
    "processing instructions": repeated(b"<?a?>", b"<a>", b"</a>"),
    "CDATA": repeated(b"<![CDATA[x]]>", b"<a>", b"</a>"),
    "a DTD": repeated(b'<!ENTITY a "b">', b"<!DOCTYPE a [", b"]><a/>"),
    "byte order marks": repeated(b"\xef\xbb\xbf", b"", b"<a/>"),
    "xmlns and no more": repeated(b"xmlns:", b"<a>", b"</a>"),
    "assertions": repeated(b"<a:Assertion/>", b"<p:Response Version='2.0' " + SAML + b">", b"</p:Response>"),
    "redefined prefixes": repeated(b'<b xmlns:q="u"/>', b"<p:Response Version='2.0' " + SAML + b">", b"</p:Response>"),
}


def as_base64(shape: Shape) -> Shape:
    return lambda size: base64.b64encode(shape(size * 3 // 4))


def deflated(shape: Shape) -> Shape:
    """A compressed body that grows to n bytes or more."""
    return lambda size: zlib.compress(shape(size), 9)[2:-4]
