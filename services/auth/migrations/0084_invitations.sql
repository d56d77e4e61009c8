-- Invitations by mail. The link's token is made when the mail is sent; only its MAC is kept. A new mail has a new `number` and token.
CREATE TABLE invitations (
    id text PRIMARY KEY,
    tenant_id text NOT NULL REFERENCES tenants,
    email text NOT NULL,
    role text NOT NULL CHECK (role IN ('administrator', 'quality_officer', 'integrator', 'auditor')),
    number integer NOT NULL DEFAULT 1,
    token_mac bytea UNIQUE,
    invited_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    accepted_at timestamptz,
    withdrawn_at timestamptz,
    user_id text REFERENCES users
);
CREATE INDEX invitations_page ON invitations (tenant_id, id);
CREATE INDEX invitations_email ON invitations (lower(email));
CREATE INDEX invitations_invited_by ON invitations (invited_by) WHERE accepted_at IS NULL AND withdrawn_at IS NULL;
CREATE INDEX invitations_expires ON invitations (expires_at);
SELECT tenant_table('invitations'), worker_writes_all('invitations');
REVOKE DELETE ON invitations FROM {{app}};

-- The mails to send, and those of the last days, by which the limits count.
CREATE TABLE invitation_mails (
    id text PRIMARY KEY,
    tenant_id text NOT NULL,
    invitation_id text NOT NULL REFERENCES invitations ON DELETE CASCADE,
    number integer NOT NULL,
    queued_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    due_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempts integer NOT NULL DEFAULT 0,
    sent_at timestamptz,
    done_at timestamptz
);
CREATE INDEX invitation_mails_due ON invitation_mails (due_at) WHERE done_at IS NULL;
CREATE INDEX invitation_mails_queued ON invitation_mails (queued_at);
CREATE INDEX invitation_mails_tenant ON invitation_mails (tenant_id, queued_at);
CREATE INDEX invitation_mails_invitation ON invitation_mails (invitation_id);
SELECT tenant_table('invitation_mails'), worker_writes_all('invitation_mails');
REVOKE UPDATE, DELETE ON invitation_mails FROM {{app}};

-- Before a tenant is known: the invitation that a link opens.
CREATE FUNCTION find_invitation(macs bytea[]) RETURNS TABLE (id text, tenant_id text, email text, role text, organisation text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT i.id, i.tenant_id, i.email, i.role, t.name FROM public.invitations i JOIN public.tenants t USING (tenant_id)
    WHERE i.token_mac = ANY (macs) AND i.accepted_at IS NULL AND i.withdrawn_at IS NULL AND i.expires_at > clock_timestamp()
        AND t.status = 'active'
$$;
REVOKE EXECUTE ON FUNCTION find_invitation(bytea[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION find_invitation(bytea[]) TO {{app}};
