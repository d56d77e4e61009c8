"""Writes the Grafana dashboards: `python -m deploy.grafana.build`. The tables below list their panels."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from deploy.local.table import SERVICES

FOLDER = Path(__file__).parent / "dashboards"


class Panel(NamedTuple):
    """A graph: each query is PromQL with the name of its lines; `unit` is Grafana's word for it."""

    title: str
    unit: str
    queries: tuple[tuple[str, str], ...]


def quantiles(metric: str, by: str, where: str = "") -> tuple[tuple[str, str], ...]:
    return tuple(
        (
            f"histogram_quantile({q}, sum by (le{by}) (rate({metric}_bucket{{{where}}}[5m])))",
            f"p{int(q * 100)}{label(by)}",
        )
        for q in (0.5, 0.99)
    )


def label(by: str) -> str:
    return "".join(f" {{{{{name.strip()}}}}}" for name in by.split(",") if name.strip())


OVERVIEW = [
    Panel("Requests", "reqps", (('sum by (status) (rate(http_requests_total{job="gateway"}[1m]))', "{{status}}"),)),
    Panel("Time to answer at the gateway", "s", quantiles("http_request_seconds", "", 'job="gateway"')),
    Panel("Tokens refused", "reqps", (("sum by (reason) (rate(gateway_token_failures_total[5m]))", "{{reason}}"),)),
    Panel("Over their limit", "reqps", (("sum by (limit) (rate(gateway_limited_total[5m]))", "{{limit}}"),)),
    Panel(
        "Oldest message not sent",
        "s",
        (("max by (service, consumer) (outbox_oldest_unsent_seconds)", "{{service}} → {{consumer}}"),),
    ),
    Panel(
        "Oldest message not acknowledged",
        "s",
        (("max by (service, consumer) (outbox_oldest_unacknowledged_seconds)", "{{service}} → {{consumer}}"),),
    ),
    Panel(
        "Messages not acknowledged, up to 10,000",
        "none",
        (("max by (service, consumer) (outbox_messages_waiting)", "{{service}} → {{consumer}}"),),
    ),
    Panel(
        "Consumers too full to be sent anything",
        "none",
        (("max by (service, consumer) (outbox_held_back)", "{{service}} → {{consumer}}"),),
    ),
    Panel("Webhook lag", "s", quantiles("webhook_lag_seconds", "")),
    Panel("Oldest entry of the audit trail not sealed", "s", (("audit_oldest_unsealed_seconds", "{{service}}"),)),
    Panel(
        "Passes over the whole audit trail, how far they are",
        "none",
        (("max by (service) (audit_pass_ratio)", "{{service}}"),),
    ),
    Panel("Periodic jobs late", "s", (("min by (service, task) (periodic_job_late_seconds)", "{{service}} {{task}}"),)),
    Panel("Longest past its retention", "s", (("retention_overdue_seconds", "{{service}} {{table}}"),)),
    Panel("Processes up", "none", (("sum by (job) (up)", "{{job}}"),)),
    Panel("Processes by revision", "none", (("sum by (service, revision) (build_info)", "{{service}} {{revision}}"),)),
]
WEBHOOKS = [
    Panel("Attempts by outcome", "reqps", (("sum by (outcome) (rate(webhook_attempts_total[1m]))", "{{outcome}}"),)),
    Panel("Lag from event to request", "s", quantiles("webhook_lag_seconds", "")),
    Panel("Receivers' time to answer", "s", quantiles("webhook_attempt_seconds", "")),
    Panel(
        "Due, waiting, held",
        "none",
        (
            ("webhook_deliveries_due", "due"),
            ("webhook_deliveries_waiting", "not over"),
            ("webhook_deliveries_held", "held"),
        ),
    ),
    Panel(
        "Oldest due",
        "s",
        (("webhook_oldest_due_seconds", "oldest"), ("webhook_oldest_due_failing_seconds", "of receivers that fail")),
    ),
    Panel(
        "Senders and chores",
        "none",
        (("webhook_senders", "senders"), ("webhook_chores", "chores"), ("webhook_tenants_stopped", "stopped tenants")),
    ),
    Panel("Oldest chore", "s", (("webhook_oldest_chore_seconds", "oldest"),)),
    Panel("Oldest stop of deliveries", "s", (("webhook_oldest_stop_seconds", "oldest"),)),
    Panel(
        "Organisations",
        "none",
        (
            ("max(webhook_tenants_failing)", "with receivers that fail"),
            ("max(webhook_tenants_late)", "with late deliveries"),
            ("sum(webhook_tenants_reached)", "with receivers reached"),
        ),
    ),
]


def of_service(name: str) -> list[Panel]:
    where = f'service="{name}"'
    return [
        Panel(
            "Requests by route",
            "reqps",
            ((f"sum by (method, route) (rate(http_requests_total{{{where}}}[1m]))", "{{method}} {{route}}"),),
        ),
        Panel(
            "Errors",
            "reqps",
            ((f'sum by (status) (rate(http_requests_total{{{where},status=~"[45].."}}[1m]))', "{{status}}"),),
        ),
        Panel("Time to answer", "s", quantiles("http_request_seconds", ", route", where)),
        Panel(
            "Messages consumed",
            "cps",
            ((f"sum by (message, outcome) (rate(messages_consumed_total{{{where}}}[1m]))", "{{message}} {{outcome}}"),),
        ),
        Panel("From a message's commit to its effect", "s", quantiles("message_age_seconds", ", message", where)),
        Panel(
            "Messages sent",
            "cps",
            (
                (
                    f"sum by (consumer, again) (rate(outbox_messages_sent_total{{{where}}}[1m]))",
                    "{{consumer}} again: {{again}}",
                ),
            ),
        ),
        Panel("Dead letters", "none", ((f"increase(dead_letters_total{{{where}}}[1h])", "last hour"),)),
        Panel(
            "Database connections",
            "none",
            (
                (f"sum by (job, state) (pool_connections{{{where}}})", "{{job}} {{state}}"),
                (f"sum by (job) (pool_requests_waiting{{{where}}})", "{{job}} waiting for one"),
            ),
        ),
        Panel(
            "Heavy work",
            "none",
            (
                (f"sum(heavy_work_waiting{{{where}}})", "waiting"),
                (f"sum(increase(heavy_work_broken_off_total{{{where}}}[1h]))", "broken off, last hour"),
            ),
        ),
        Panel("Memory", "bytes", ((f"process_resident_memory_bytes{{{where}}}", "{{job}} {{instance}}"),)),
    ]


OF_ONE = {
    "auth": [
        Panel("Deleted apps with live grants", "none", (("ending_apps", "apps"),)),
        Panel(
            "Oldest work on what ended",
            "s",
            (
                ("oldest_ending_app_seconds", "deleted app"),
                ("oldest_ended_authority_seconds", "notice"),
                ("oldest_invitation_mail_seconds", "invitation"),
            ),
        ),
    ],
    "console": [
        Panel("Calls of the platform", "reqps", (("sum by (outcome) (rate(console_calls_total[1m]))", "{{outcome}}"),)),
        Panel("Time of a call of the platform", "s", quantiles("console_call_seconds", "")),
        Panel("Sign-ins", "reqps", (("sum by (outcome) (rate(console_sign_ins_total[5m]))", "{{outcome}}"),)),
        Panel("Forms refused", "none", (("increase(console_forms_refused_total[1h])", "last hour"),)),
    ],
    "device-ingest": [
        Panel("Readings in a commit", "none", quantiles("observation_group_rows", "")),
        Panel("Time of a commit", "s", quantiles("observation_group_seconds", "")),
    ],
    "epcr": [
        Panel(
            "Bundles sent with a fault of our own", "none", (("increase(epcr_unfit_bundles_total[1h])", "last hour"),)
        ),
    ],
    "graphql-api": [
        Panel("Errors by code", "cps", (("sum by (code) (rate(graphql_errors_total[1m]))", "{{code}}"),)),
        Panel("Reports of indicators late", "s", (("max(quality_reports_behind_seconds)", "oldest"),)),
    ],
}
"""Panels that only one service has."""


def dashboard(uid: str, title: str, panels: list[Panel]) -> dict[str, Any]:
    return {
        "uid": uid,
        "title": title,
        "schemaVersion": 39,
        "tags": ["knogin"],
        "time": {"from": "now-3h", "to": "now"},
        "refresh": "10s",
        "panels": [drawn(index, panel) for index, panel in enumerate(panels)],
    }


def drawn(index: int, panel: Panel) -> dict[str, Any]:
    return {
        "id": index + 1,
        "type": "timeseries",
        "title": panel.title,
        "datasource": {"type": "prometheus", "uid": "prometheus"},
        "gridPos": {"x": index % 2 * 12, "y": index // 2 * 8, "w": 12, "h": 8},
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "targets": [
            {"refId": chr(65 + number), "expr": expression, "legendFormat": legend}
            for number, (expression, legend) in enumerate(panel.queries)
        ],
    }


def dashboards() -> dict[str, str]:
    """File name and content of each dashboard."""
    made = {
        "overview": dashboard("overview", "Overview", OVERVIEW),
        "webhooks": dashboard("webhooks", "Webhooks", WEBHOOKS),
    }
    names = [service.name for service in SERVICES]
    made |= {name: dashboard(f"service-{name}", name, [*of_service(name), *OF_ONE.get(name, ())]) for name in names}
    return {f"{name}.json": json.dumps(content, indent=1) + "\n" for name, content in made.items()}


if __name__ == "__main__":
    for name, text in dashboards().items():
        (FOLDER / name).write_text(text)
