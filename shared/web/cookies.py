"""The names of our cookies."""


def cookie_name(origin: str, stack: str, kind: str) -> str:
    """`__Host-` binds a cookie to https and this host. Over plain http browsers refuse the prefix.

    There the name includes the stack's name, because cookies ignore ports.
    """
    return f"__Host-knogin-{kind}" if origin.startswith("https://") else f"knogin-{stack or 'local'}-{kind}"
