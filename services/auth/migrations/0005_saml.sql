-- SAML 2.0: whose identity provider signs in whom, the requests under way, and the answers that came already.

-- With `next_key` and `next_certificate` requests are signed next: identity providers learn the certificate from the metadata before it is
-- used. `default_role` is that of people who sign in through a connection that maps no roles.
CREATE TABLE saml_connections (
    connection_id text PRIMARY KEY,
    tenant_id text NOT NULL REFERENCES tenants,
    name text NOT NULL,
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'disabled')),
    entity_id text NOT NULL,
    sso_url text NOT NULL,
    slo_url text NOT NULL DEFAULT '',
    name_id_format text NOT NULL DEFAULT 'any' CHECK (name_id_format IN ('any', 'persistent', 'email')),
    allow_idp_initiated boolean NOT NULL DEFAULT false,
    attribute_mapping jsonb NOT NULL DEFAULT '{}',
    role_mapping jsonb NOT NULL DEFAULT '{}',
    default_role text NOT NULL DEFAULT 'administrator' CHECK (default_role IN ('administrator', 'quality_officer', 'integrator', 'auditor')),
    -- The key that we sign requests with; the private half is encrypted.
    own_key bytea NOT NULL,
    own_certificate text NOT NULL,
    next_key bytea,
    next_certificate text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_sign_in_at timestamptz,
    CHECK ((next_key IS NULL) = (next_certificate IS NULL))
);
CREATE INDEX saml_connections_tenant ON saml_connections (tenant_id, connection_id);
SELECT tenant_table('saml_connections'), worker_writes_all('saml_connections');

-- One or, during a roll-over, two.
CREATE TABLE saml_certificates (
    connection_id text NOT NULL REFERENCES saml_connections ON DELETE CASCADE,
    fingerprint text NOT NULL,
    tenant_id text NOT NULL,
    pem text NOT NULL,
    not_before timestamptz NOT NULL,
    not_after timestamptz NOT NULL,
    added_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_used_at timestamptz,
    PRIMARY KEY (connection_id, fingerprint)
);
SELECT tenant_table('saml_certificates'), worker_writes_all('saml_certificates');

-- E-mail domains. Anyone may claim one; it counts once proven, and only one organisation can have proven it. `checked_at` is when a proven domain's
-- record was looked for last, `missing_since` since when it is not there.
CREATE TABLE saml_domains (
    tenant_id text NOT NULL,
    domain text NOT NULL,
    connection_id text NOT NULL REFERENCES saml_connections ON DELETE CASCADE,
    token text NOT NULL,
    claimed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    verified_at timestamptz,
    checked_at timestamptz,
    missing_since timestamptz,
    PRIMARY KEY (tenant_id, domain)
);
CREATE UNIQUE INDEX saml_domains_proven ON saml_domains (domain) WHERE verified_at IS NOT NULL;
CREATE INDEX saml_domains_connection ON saml_domains (connection_id);
CREATE INDEX saml_domains_to_check ON saml_domains (coalesce(checked_at, verified_at)) WHERE verified_at IS NOT NULL;
SELECT tenant_table('saml_domains'), worker_writes_all('saml_domains');

-- Whether passwords are refused, and whose is not. An organisation without a row enforces nothing, so no process takes a row away.
CREATE TABLE saml_policies (
    tenant_id text PRIMARY KEY REFERENCES tenants,
    enforced boolean NOT NULL,
    break_glass_user_id text REFERENCES users,
    CHECK (NOT enforced OR break_glass_user_id IS NOT NULL)
);
SELECT tenant_table('saml_policies'), worker_writes_all('saml_policies');
REVOKE DELETE ON saml_policies FROM {{app}}, {{worker}};

-- Who a connection's NameID is here. An e-mail address is only ever how someone is found the first time. A link of a connection that is gone has no
-- effect, and the relay deletes it: connections are deleted without a look at their links.
CREATE TABLE saml_identities (
    connection_id text NOT NULL,
    name_id text NOT NULL,
    tenant_id text NOT NULL,
    user_id text NOT NULL REFERENCES users,
    linked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (connection_id, name_id),
    UNIQUE (connection_id, user_id)
);
CREATE INDEX saml_identities_user ON saml_identities (user_id);
SELECT tenant_table('saml_identities'), worker_writes_all('saml_identities');

-- Requests that we sent and await the answer to: a sign-in, in which browser and where it leads; or a logout. An answer deletes its request. Of sign-ins
-- of browsers that signed in before, `is_returning`, and of others few wait, and networks share the room.
CREATE TABLE saml_requests (
    request_id text PRIMARY KEY,
    tenant_id text NOT NULL,
    connection_id text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('sign_in', 'logout')),
    browser_mac bytea,
    relay_state text NOT NULL,
    continue_to text NOT NULL,
    fresh boolean NOT NULL,
    is_returning boolean NOT NULL,
    network text NOT NULL,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX saml_requests_connection ON saml_requests (connection_id);
CREATE INDEX saml_requests_expires ON saml_requests (expires_at);
SELECT tenant_table('saml_requests'), worker_writes_all('saml_requests');

-- Assertions and logout requests taken, by MAC of their id, for as long as they would be valid. A web process forgets none.
CREATE TABLE saml_replays (
    connection_id text NOT NULL,
    message_mac bytea NOT NULL,
    tenant_id text NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (connection_id, message_mac)
);
CREATE INDEX saml_replays_expires ON saml_replays (expires_at);
SELECT tenant_table('saml_replays'), worker_writes_all('saml_replays');
REVOKE UPDATE, DELETE ON saml_replays FROM {{app}};

-- Between the answer, which is another site's POST and carries no cookie, and the browser it was for: good once, for two minutes.
CREATE TABLE saml_tickets (
    ticket_mac bytea PRIMARY KEY,
    tenant_id text NOT NULL,
    connection_id text NOT NULL,
    user_id text NOT NULL REFERENCES users,
    -- Null where the identity provider began: then the person is asked.
    browser_mac bytea,
    continue_to text NOT NULL,
    name_id text NOT NULL,
    name_id_format text NOT NULL,
    session_index text NOT NULL,
    session_ends_at timestamptz,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX saml_tickets_connection ON saml_tickets (connection_id);
CREATE INDEX saml_tickets_expires ON saml_tickets (expires_at);
SELECT tenant_table('saml_tickets'), worker_writes_all('saml_tickets');

-- Which sessions a connection started, so that its logout can end them.
CREATE TABLE saml_sessions (
    session_id text PRIMARY KEY REFERENCES sessions ON DELETE CASCADE,
    tenant_id text NOT NULL,
    connection_id text NOT NULL,
    name_id text NOT NULL,
    name_id_format text NOT NULL,
    session_index text NOT NULL
);
CREATE INDEX saml_sessions_person ON saml_sessions (connection_id, name_id);
SELECT tenant_table('saml_sessions'), worker_writes_all('saml_sessions');

-- Connections whose changed mapping of roles the relay applies to their people, in portions. A person's grants beyond the new mapping are
-- refused at once, whether or not the person has had a turn.
CREATE TABLE changing_roles (
    connection_id text PRIMARY KEY REFERENCES saml_connections ON DELETE CASCADE,
    tenant_id text NOT NULL,
    -- The last person who had a turn.
    after text NOT NULL DEFAULT '',
    decided_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    turn_at timestamptz
);
SELECT tenant_table('changing_roles'), worker_writes_all('changing_roles');

-- The mapping that a person waits for; NULL for nearly everybody. The break-glass user, who repairs mistakes, waits for none. In plpgsql,
-- which keeps the plan: every refresh of a token calls it.
CREATE FUNCTION awaited_role_mapping(person text) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (
        SELECT c.role_mapping FROM changing_roles r JOIN saml_connections c USING (connection_id)
            JOIN saml_identities i ON i.connection_id = r.connection_id AND i.user_id = person AND i.user_id > r.after
        WHERE NOT EXISTS (SELECT FROM saml_policies p WHERE p.tenant_id = r.tenant_id AND p.enforced AND p.break_glass_user_id = person)
        LIMIT 1);
END $$;
GRANT EXECUTE ON FUNCTION awaited_role_mapping(text) TO {{app}}, {{worker}};

-- Deleted connections whose links to people the relay still deletes, in portions. Nobody finds a link whose connection is gone. The trigger
-- alone writes the row, so that no road to a deletion leaves one out.
CREATE TABLE ending_connections (
    connection_id text PRIMARY KEY,
    tenant_id text NOT NULL,
    decided_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    turn_at timestamptz
);
SELECT tenant_table('ending_connections'), worker_writes_all('ending_connections');
REVOKE INSERT, UPDATE, DELETE ON ending_connections FROM {{app}};

CREATE FUNCTION public.note_ended_connection() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO public.ending_connections (connection_id, tenant_id) VALUES (OLD.connection_id, OLD.tenant_id) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER connection_ended AFTER DELETE ON saml_connections FOR EACH ROW EXECUTE FUNCTION public.note_ended_connection();

-- Before a tenant is known: the connection that an address of ours names, and the one that an e-mail domain is proven for.
CREATE FUNCTION public.find_saml_connection(wanted text) RETURNS TABLE (
    connection_id text, tenant_id text, tenant_name text, name text, is_open boolean, entity_id text, sso_url text, slo_url text,
    name_id_format text, allow_idp_initiated boolean, attribute_mapping jsonb, role_mapping jsonb, default_role text, own_key bytea,
    own_certificate text, certificates text[]
) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT c.connection_id, c.tenant_id, t.name, c.name, c.status = 'active' AND t.status = 'active' AND t.federation,
        c.entity_id, c.sso_url, c.slo_url, c.name_id_format, c.allow_idp_initiated, c.attribute_mapping, c.role_mapping, c.default_role,
        c.own_key, c.own_certificate,
        ARRAY(SELECT k.pem FROM public.saml_certificates k WHERE k.connection_id = c.connection_id ORDER BY k.added_at, k.fingerprint)
    FROM public.saml_connections c JOIN public.tenants t USING (tenant_id) WHERE c.connection_id = wanted
$$;

CREATE FUNCTION public.find_saml_domain(wanted text) RETURNS TABLE (connection_id text, tenant_id text, organisation text, enforced boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT c.connection_id, c.tenant_id, t.name, coalesce(p.enforced, false)
    FROM public.saml_domains d JOIN public.saml_connections c USING (connection_id) JOIN public.tenants t ON t.tenant_id = c.tenant_id
    LEFT JOIN public.saml_policies p ON p.tenant_id = c.tenant_id
    WHERE d.domain = wanted AND d.verified_at IS NOT NULL
        AND c.status = 'active' AND t.status = 'active' AND t.federation
$$;
GRANT EXECUTE ON FUNCTION public.find_saml_connection(text), public.find_saml_domain(text) TO {{app}};
