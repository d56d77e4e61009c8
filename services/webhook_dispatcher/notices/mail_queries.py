"""The SQL of contacts and of mail to them. Contacts are the app's own; mails are the worker role's, over all tenants."""

from typing import LiteralString

OF_APP, OF_TENANT = 20, 100
FIND_CONTACTS: LiteralString = "SELECT emails, updated_at FROM contacts WHERE client_id = %(client_id)s"
SET_CONTACTS: LiteralString = """
    INSERT INTO contacts (tenant_id, client_id, emails, number) VALUES (%(tenant_id)s, %(client_id)s, %(emails)s, %(number)s)
    ON CONFLICT (tenant_id, client_id) DO UPDATE SET emails = excluded.emails, number = excluded.number, updated_at = now()
    RETURNING emails, updated_at
"""
DELETE_CONTACTS: LiteralString = "DELETE FROM contacts WHERE client_id = %(client_id)s"
DELETE_CONTACTS_OF_APP: LiteralString = (
    "DELETE FROM contacts WHERE tenant_id = %(tenant_id)s AND client_id = %(client_id)s"
)
# Within a day at most 20 mails for an app and 100 for a tenant, and of given-up deliveries one for a webhook.
ENQUEUE: LiteralString = """
    WITH wanted AS (
        SELECT event.*, s.client_id,
            row_number() OVER (PARTITION BY s.tenant_id, s.client_id ORDER BY event_id) AS of_app,
            row_number() OVER (PARTITION BY s.tenant_id ORDER BY event_id) AS of_tenant
        FROM jsonb_to_recordset(%(events)s::jsonb) AS event (
            event_id text, tenant_id text, webhook_id text, type text, data jsonb, test boolean)
        JOIN subscriptions s ON s.id = event.webhook_id AND s.tenant_id = event.tenant_id
        JOIN contacts c ON c.tenant_id = s.tenant_id AND c.client_id = s.client_id
        WHERE event.type <> 'delivery.exhausted' OR NOT EXISTS (SELECT 1 FROM mails m WHERE m.tenant_id = s.tenant_id
            AND m.client_id = s.client_id AND m.created_at > now() - interval '1 day' AND m.webhook_id = s.id AND m.type = event.type)
    )
    INSERT INTO mails (event_id, tenant_id, client_id, webhook_id, type, data, test)
    SELECT event_id, tenant_id, client_id, webhook_id, type, data, test FROM wanted
    WHERE of_app + (SELECT count(*) FROM mails m WHERE m.tenant_id = wanted.tenant_id AND m.client_id = wanted.client_id
            AND m.created_at > now() - interval '1 day') <= %(of_app)s
        AND of_tenant + (SELECT count(*) FROM mails m WHERE m.tenant_id = wanted.tenant_id
            AND m.created_at > now() - interval '1 day') <= %(of_tenant)s
    ON CONFLICT DO NOTHING
"""
# The next attempt is put off before this one begins: after a kill the mail is sent again, and nothing waits for the mail server. New mail
# comes before mail that failed, so that one which the server never takes delays none of others.
TAKE: LiteralString = """
    WITH due AS (
        SELECT event_id, attempts, due_at FROM mails WHERE NOT done AND due_at <= now() ORDER BY attempts, due_at LIMIT 20
        FOR UPDATE SKIP LOCKED
    ), taken AS (
        UPDATE mails m SET attempts = least(m.attempts, 1000) + 1,
            due_at = clock_timestamp() + least(3600, 60 * power(2, least(m.attempts, 6))) * interval '1 second'
        FROM due WHERE m.event_id = due.event_id
        RETURNING m.*, due.attempts AS attempts_before, due.due_at AS due_before
    )
    SELECT event_id, tenant_id, client_id, webhook_id, type, data, test, reached, (
        SELECT emails FROM contacts c WHERE c.tenant_id = taken.tenant_id AND c.client_id = taken.client_id) AS emails
    FROM taken ORDER BY attempts_before, due_before
"""
TRIED: LiteralString = "UPDATE mails SET done = %(done)s, reached = %(reached)s WHERE event_id = %(event_id)s"
# Of mail that was not tried, because the server went away before.
GIVE_BACK: LiteralString = """
    UPDATE mails SET attempts = attempts - 1, due_at = clock_timestamp() + %(seconds)s * interval '1 second'
    WHERE event_id = ANY(%(event_ids)s)
"""
# A day is too late for news of an outage.
GIVE_UP: LiteralString = "UPDATE mails SET done = true WHERE NOT done AND created_at < now() - interval '1 day'"
FORGET: LiteralString = """
    DELETE FROM mails WHERE event_id = ANY (ARRAY(SELECT event_id FROM mails WHERE created_at < now() - interval '2 days'
        ORDER BY created_at LIMIT 1000))
"""
MEASURE: LiteralString = """
    SELECT coalesce(extract(epoch FROM now() - (SELECT created_at FROM mails WHERE NOT done ORDER BY due_at LIMIT 1)), 0)::float8
"""
