"""Metrics of signing in."""

from prometheus_client import Counter, Gauge

from shared.process.metrics import begin

refused = Counter("sign_in_refused_total", "Tries at signing in that were not made, by why", ["reason"])
break_glass = begin(
    Counter("sign_in_break_glass_total", "Sign-ins of break-glass users, by outcome", ["outcome"]),
    ["succeeded", "wrong", "password_limit", "code_limit"],
)
codes_stopped = Counter("sign_in_codes_stopped_total", "Accounts whose second factor is refused in new devices")
devices_displaced = begin(
    Counter(
        "device_codes_displaced_total",
        "Waiting devices that later ones displaced, beyond the limit of an app or tenant",
        ["of"],
    ),
    ["app", "tenant"],
)
hashing_waiting = Gauge("password_hashing_waiting", "Passwords that wait to be checked")
hashing_refused = Counter("password_hashing_refused_total", "Passwords that found no place to wait")
