"""Turns settings back into environment variables."""

import msgspec


def environment_of(settings: msgspec.Struct, **changes: object) -> dict[str, str]:
    """The variables from which `settings` would be read, with `changes`."""
    values = msgspec.structs.asdict(settings) | changes
    return {name.upper(): str(value) for name, value in values.items() if value is not None}
