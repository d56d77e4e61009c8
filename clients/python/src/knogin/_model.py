"""The base of all models, and their JSON."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar

import msgspec
from msgspec import UNSET, Struct

SECRET = {
    "admin_email",
    "client_assertion",
    "client_secret",
    "code_verifier",
    "credential",
    "device_code",
    "enrolment_code",
    "password_link",
    "refresh_token",
    "secret",
    "token",
    "access_token",
}


# A member `code` is a secret of these; of others it is a code of a disease, a drug or an error.
SECRET_CODES = {"TokenForm", "Enrolment"}


class Model(Struct, kw_only=True):
    """A JSON object of the contract. Members that this version does not know are ignored when an answer is read."""

    def __repr__(self) -> str:
        """Without secrets and without members that are not set."""
        values = ((name, getattr(self, name)) for name in self.__struct_fields__)
        kind = type(self).__name__
        secret = SECRET | {"code"} if kind in SECRET_CODES else SECRET
        shown = (
            f"{name}={'<secret>' if name in secret and value else repr(value)}"
            for name, value in values
            if value is not UNSET
        )
        return f"{kind}({', '.join(shown)})"


def fingerprint(secret: str) -> str:
    """The first 12 hexadecimal digits of a secret's SHA-256: its holder can compute them, and they do not reveal it."""
    return f"<sha256 {hashlib.sha256(secret.encode()).hexdigest()[:12]}>"


class _Anything(type):
    """Every object passes for an instance, because `OneOf` decodes into its members."""

    def __instancecheck__(cls, instance: object) -> bool:
        return True


class OneOf(metaclass=_Anything):
    """One of several models: the one that `field` names, or the first that has all its required members. Any other stays a `dict`."""

    field: ClassVar[str] = ""
    members: ClassVar[Mapping[str, type[Struct]]] = {}

    @classmethod
    def chosen(cls, value: Any) -> type[Struct] | None:
        if not isinstance(value, dict):
            return None
        if cls.field:
            return cls.members.get(value.get(cls.field, ""))
        return next((one for one in cls.members.values() if _required(one) <= value.keys()), None)


@cache
def _required(model: type[Struct]) -> set[str]:
    return {field.encode_name for field in msgspec.structs.fields(model) if field.required}


def _read_custom(kind: type, value: Any) -> Any:
    if issubclass(kind, OneOf):
        chosen = kind.chosen(value)
        return value if chosen is None else convert(value, chosen)
    raise NotImplementedError(kind)


def convert(value: Any, kind: Any) -> Any:
    """Parsed JSON as `kind`. Raises `msgspec.ValidationError`."""
    return msgspec.convert(value, kind, dec_hook=_read_custom)


def decode(content: bytes, kind: Any) -> Any:
    """JSON as `kind`. Raises `msgspec.DecodeError`, of which `msgspec.ValidationError` is one."""
    try:
        return msgspec.json.decode(content, type=kind, dec_hook=_read_custom)
    except (RecursionError, UnicodeDecodeError) as error:
        raise msgspec.DecodeError(str(error)) from None


def encode(value: Any) -> bytes:
    """JSON; members that are `UNSET` are left out, members that are None are sent as null."""
    return msgspec.json.encode(value)


def members(value: Any) -> dict[str, str]:
    """The members of a form."""
    return {name: str(one) for name, one in msgspec.to_builtins(value).items()}
