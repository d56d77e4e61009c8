-- Addresses that an app named for mail about its webhooks, encrypted.
CREATE TABLE contacts (
    tenant_id text NOT NULL,
    client_id text NOT NULL,
    emails bytea NOT NULL,
    number smallint NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, client_id),
    CONSTRAINT contacts_are_few CHECK (octet_length(emails) <= 8192 AND number BETWEEN 1 AND 5)
);
SELECT tenant_table('contacts'), worker_writes_all('contacts');

-- Mail to send, and that of the last two days, by which an app's and a tenant's are counted. The event makes it once.
CREATE TABLE mails (
    event_id text COLLATE "C" PRIMARY KEY,
    tenant_id text NOT NULL,
    client_id text NOT NULL,
    webhook_id text NOT NULL,
    type text NOT NULL,
    data jsonb NOT NULL,
    test boolean NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    due_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempts integer NOT NULL DEFAULT 0,
    done boolean NOT NULL DEFAULT false
);
CREATE INDEX mails_due ON mails (due_at) WHERE NOT done;
CREATE INDEX mails_of_app ON mails (tenant_id, client_id, created_at);
CREATE INDEX mails_by_age ON mails (created_at);
SELECT tenant_table('mails'), worker_writes_all('mails');
REVOKE INSERT, UPDATE, DELETE ON mails FROM {{app}};
