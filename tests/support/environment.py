"""Settings as the environment they are read from."""

import msgspec


def environment_of(settings: msgspec.Struct, **changes: object) -> dict[str, str]:
    """The variables of which `settings` would be made, but for `changes`."""
    values = msgspec.structs.asdict(settings) | changes
    return {name.upper(): str(value) for name, value in values.items() if value is not None}
