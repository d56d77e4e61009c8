"""Metrics of the relay's work: after grants, roles and apps ended, in sandboxes, and the mail of invitations."""

from prometheus_client import Counter, Gauge

ending_apps = Gauge(
    "ending_apps",
    "Deleted apps, people of ended sign-ins and connections with changed roles whose grants are not all ended yet,"
    " and deleted connections with links to people",
)
oldest_ending_app = Gauge("oldest_ending_app_seconds", "Time since the first of them was deleted or decided")
oldest_ended_authority = Gauge(
    "oldest_ended_authority_seconds", "Age of the oldest ended authority that is not in the outbox yet"
)
invitation_mails = Counter(
    "invitation_mails_total", "Mails of invitations, and runs that found no mail server", ["outcome"]
)
for outcome in ("sent", "refused", "failed", "expired"):
    invitation_mails.labels(outcome)
oldest_invitation_mail = Gauge("oldest_invitation_mail_seconds", "Age of the mail of an invitation that is due first")
oldest_sandbox_work = Gauge(
    "oldest_sandbox_work_seconds", "Time since the oldest work in a sandbox began that has not ended"
)
