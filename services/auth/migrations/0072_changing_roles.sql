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
REVOKE EXECUTE ON FUNCTION awaited_role_mapping(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION awaited_role_mapping(text) TO {{app}}, {{worker}};
