-- What automations rest on, and ended: a grant, a service token, a person's consent, or what a person may let apps do. Written by
-- whatever ends it, by whichever road, and told to control-plane by the relay, which deletes it here.
CREATE TABLE ended_authorities (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id text NOT NULL,
    grant_id text,
    user_id text,
    client_id text,
    -- What the person may still let apps do; null where nothing is left.
    scopes_left text[],
    ended_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
SELECT tenant_table('ended_authorities'), worker_writes_all('ended_authorities');
GRANT USAGE ON SEQUENCE ended_authorities_id_seq TO {{app}}, {{worker}};

-- Only tokens with this scope can make automations.
CREATE FUNCTION note_ended_grants() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ended_authorities (tenant_id, grant_id)
    SELECT n.tenant_id, n.grant_id FROM new_rows n JOIN old_rows o USING (grant_id)
    WHERE o.revoked_at IS NULL AND n.revoked_at IS NOT NULL AND 'argus:platform:write' = ANY (n.scopes);
    RETURN NULL;
END $$;
CREATE TRIGGER grants_ended AFTER UPDATE ON grants REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION note_ended_grants();
CREATE TRIGGER service_tokens_ended AFTER UPDATE ON service_tokens REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION note_ended_grants();

CREATE FUNCTION note_ended_consent() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ended_authorities (tenant_id, user_id, client_id) VALUES (OLD.tenant_id, OLD.user_id, OLD.client_id);
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
