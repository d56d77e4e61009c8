-- Access that ended: the relay ends the many rows that follow a decision in portions, and sends control-plane notices of it.

-- Deleted apps whose grants and consents the relay still ends, in portions. The row of the app refuses all of them at once.
CREATE TABLE ending_apps (
    client_id text PRIMARY KEY REFERENCES apps,
    tenant_id text NOT NULL,
    stage text NOT NULL DEFAULT 'grants' CHECK (stage IN ('grants', 'consents')),
    -- The last grant or person of this stage.
    after text NOT NULL DEFAULT '',
    -- Whether this is the second pass, over rows of requests that had begun before the app was deleted.
    again boolean NOT NULL DEFAULT false,
    begun_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    due_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    turn_at timestamptz
);
SELECT tenant_table('ending_apps'), worker_writes_all('ending_apps');

-- People whose grants older than a decision are over, such as the enforcement of their organisation's own sign-in. The row refuses the
-- grants at once; the relay ends them in portions and deletes the row.
CREATE TABLE ending_grants (
    user_id text PRIMARY KEY REFERENCES users,
    tenant_id text NOT NULL,
    why text NOT NULL,
    decided_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    turn_at timestamptz
);
CREATE INDEX ending_grants_tenant ON ending_grants (tenant_id, user_id);
SELECT tenant_table('ending_grants'), worker_writes_all('ending_grants');

-- Authority that automations rest on, and that ended: a grant, a service token, a person's consent, or scopes that a person may give to apps. The triggers
-- below write a row, by whichever road it ends; the relay notifies control-plane and deletes it.
CREATE TABLE ended_authorities (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id text NOT NULL,
    grant_id text,
    user_id text,
    client_id text,
    -- The scopes that the person may still give to apps; null where nothing is left.
    scopes_left text[],
    ended_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- A row becomes a message: a longer one could not be sent and would hold up all behind it.
    CONSTRAINT ended_authorities_fit_a_message CHECK (
        octet_length(tenant_id) + coalesce(octet_length(grant_id), 0) + coalesce(octet_length(user_id), 0)
        + coalesce(octet_length(client_id), 0) + coalesce(octet_length(array_to_string(scopes_left, ' ')), 0)
        + coalesce(cardinality(scopes_left), 0) <= 16384)
);
CREATE INDEX ended_authorities_tenant ON ended_authorities (tenant_id, id);
SELECT tenant_table('ended_authorities'), worker_writes_all('ended_authorities');

-- Only tokens with the scope named here can make automations. The message that an app is deleted stops all its automations, and the message that a person
-- is disabled all of theirs. So their grants are noted only if they may have authorised another app's automation: that takes the scope of an administrator.
CREATE FUNCTION note_ended_grants() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ended_authorities (tenant_id, grant_id)
    SELECT n.tenant_id, n.grant_id FROM new_rows n JOIN old_rows o USING (grant_id)
    WHERE o.revoked_at IS NULL AND n.revoked_at IS NOT NULL AND 'argus:platform:write' = ANY (n.scopes)
        AND ('platform:apps' = ANY (n.scopes)
            OR NOT EXISTS (SELECT FROM apps a WHERE a.client_id = n.client_id AND a.status = 'deleted'))
        -- Service tokens, which have the same trigger, belong to no user.
        AND NOT EXISTS (SELECT FROM users u WHERE u.user_id = to_jsonb(n) ->> 'user_id' AND u.status <> 'active');
    RETURN NULL;
END $$;
CREATE TRIGGER grants_ended AFTER UPDATE ON grants REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION note_ended_grants();
CREATE TRIGGER service_tokens_ended AFTER UPDATE ON service_tokens REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION note_ended_grants();

CREATE FUNCTION note_ended_consent() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ended_authorities (tenant_id, user_id, client_id) SELECT OLD.tenant_id, OLD.user_id, OLD.client_id
    WHERE NOT EXISTS (SELECT FROM apps a WHERE a.client_id = OLD.client_id AND a.status = 'deleted');
    RETURN NULL;
END $$;
CREATE TRIGGER consents_ended AFTER DELETE ON consents FOR EACH ROW
    WHEN ('argus:platform:write' = ANY (OLD.scopes)) EXECUTE FUNCTION note_ended_consent();

CREATE FUNCTION note_narrowed_user() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ended_authorities (tenant_id, user_id, scopes_left)
    VALUES (NEW.tenant_id, NEW.user_id, CASE WHEN NEW.status = 'active' THEN NEW.scope_limit END);
    RETURN NULL;
END $$;
CREATE TRIGGER users_narrowed AFTER UPDATE OF status, scope_limit ON users FOR EACH ROW
    WHEN ((OLD.status = 'active' AND NEW.status <> 'active') OR (NEW.scope_limit IS NOT NULL AND NEW.scope_limit IS DISTINCT FROM OLD.scope_limit))
    EXECUTE FUNCTION note_narrowed_user();
