"""Settings come from the environment alone: each field of a Struct is the variable of the same name in capitals."""

import os
from collections.abc import Mapping
from typing import TypeVar

import msgspec

SettingsT = TypeVar("SettingsT", bound=msgspec.Struct)


def load(kind: type[SettingsT], environment: Mapping[str, str] | None = None) -> SettingsT:
    """Reads `kind` from the environment. A missing or malformed setting ends the process with one line that names it, never its value."""
    source = os.environ if environment is None else environment
    values: dict[str, object] = {}
    for field in msgspec.structs.fields(kind):
        text = source.get(field.name.upper())
        if text is None:
            if field.required:
                raise SystemExit(f"setting {field.name.upper()} is missing")
            continue
        try:
            values[field.name] = msgspec.convert(text, field.type, strict=False)
        except msgspec.ValidationError as error:
            # A fixed message, since msgspec's own may quote a secret.
            raise SystemExit(f"setting {field.name.upper()} is malformed: expected {_type_name(field.type)}") from error
    try:
        return kind(**values)
    except (ValueError, TypeError) as error:
        raise SystemExit(f"settings: {error}") from None


def required(value: str | None, name: str) -> str:
    """A setting that only this kind of process needs. Ends the process with one line if it is not set."""
    if not value:
        raise SystemExit(f"setting {name} is missing")
    return value


def revision() -> str:
    """What this image was built from; its recipe sets it."""
    return os.environ.get("REVISION", "unknown")


def _type_name(kind: object) -> str:
    return getattr(kind, "__name__", str(kind))
