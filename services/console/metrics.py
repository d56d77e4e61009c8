"""The console's own metrics: calls of the platform, sign-ins, refused forms. Labels are words of the code."""

from prometheus_client import Counter, Histogram

calls = Counter(
    "console_calls_total", "Calls of the platform by outcome: ok, refused, or why there was no answer", ["outcome"]
)
call_seconds = Histogram(
    "console_call_seconds",
    "Time of a call of the platform, with the wait for its turn",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
sign_ins = Counter("console_sign_ins_total", "Answers of auth to sign-ins by outcome", ["outcome"])
forms_refused = Counter("console_forms_refused_total", "Forms of another session or another site")
