#!/bin/sh
# Alertmanager does not read the environment. This script writes its configuration from environment variables, and starts it.
# Alerts go by POST to ALERT_WEBHOOK_URL, and by mail to ALERT_MAIL_TO from ALERT_MAIL_FROM through ALERT_SMTP_HOST (host:port),
# with ALERT_SMTP_USER and ALERT_SMTP_PASSWORD if the server needs a login. You may set both.
set -eu
umask 077

quoted() { printf "'%s'" "$(printf %s "$1" | sed "s/'/''/g")"; }

receiver() {
    echo "  - name: on-call"
    if [ -n "${ALERT_WEBHOOK_URL:-}" ]; then
        echo "    webhook_configs: [{url: $(quoted "$ALERT_WEBHOOK_URL"), send_resolved: true}]"
    fi
    if [ -n "${ALERT_MAIL_TO:-}" ]; then
        echo "    email_configs:"
        echo "      - to: $(quoted "$ALERT_MAIL_TO")"
        echo "        from: $(quoted "$ALERT_MAIL_FROM")"
        echo "        smarthost: $(quoted "$ALERT_SMTP_HOST")"
        echo "        send_resolved: true"
        if [ -n "${ALERT_SMTP_USER:-}" ]; then
            echo "        auth_username: $(quoted "$ALERT_SMTP_USER")"
            echo "        auth_password: $(quoted "${ALERT_SMTP_PASSWORD:-}")"
        fi
    fi
}

configuration() {
    cat <<'YAML'
route:
  receiver: on-call
  group_by: [alertname, service]
  group_wait: 10s
  repeat_interval: 4h
  routes:
    - {matchers: ['severity="ticket"'], group_wait: 5m, repeat_interval: 24h}
# When a database is down, the tickets of its service follow from that and are not sent.
inhibit_rules:
  - {source_matchers: ['alertname="DatabaseDown"'], target_matchers: ['severity="ticket"'], equal: [service]}
receivers:
YAML
    receiver
}

if [ -n "${ALERT_MAIL_TO:-}" ]; then
    : "${ALERT_MAIL_FROM:?is needed beside ALERT_MAIL_TO}" "${ALERT_SMTP_HOST:?is needed beside ALERT_MAIL_TO}"
fi
if [ -z "${ALERT_WEBHOOK_URL:-}${ALERT_MAIL_TO:-}" ]; then
    echo "alerts reach nobody: set ALERT_WEBHOOK_URL or ALERT_MAIL_TO" >&2
fi
configuration > /tmp/alertmanager.yml
exec alertmanager --config.file=/tmp/alertmanager.yml --storage.path=/alertmanager --cluster.listen-address= "$@"
