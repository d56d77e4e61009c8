-- The rights of people in their organisation: one of four roles, each a list of scopes (people/roles.py). NULL where the roles of an
-- organisation's identity provider decide, and in rows of the previous release, whose people without a limit are administrators.
ALTER TABLE users ADD COLUMN role text CHECK (role IN ('administrator', 'quality_officer', 'integrator', 'auditor'));
UPDATE users SET role = 'administrator' WHERE scope_limit IS NULL;

-- The role of people who sign in through a connection that maps no roles: as before for the connections there are.
ALTER TABLE saml_connections ADD COLUMN default_role text NOT NULL DEFAULT 'administrator'
    CHECK (default_role IN ('administrator', 'quality_officer', 'integrator', 'auditor'));

-- When a person signed in last; sessions are forgotten after days.
CREATE TABLE last_sign_ins (
    user_id text PRIMARY KEY REFERENCES users,
    tenant_id text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
SELECT tenant_table('last_sign_ins'), worker_writes_all('last_sign_ins');
INSERT INTO last_sign_ins (user_id, tenant_id, at) SELECT user_id, tenant_id, max(signed_in_at) FROM sessions GROUP BY user_id, tenant_id;

-- The person in whose name a service token was minted: it ends when they leave.
ALTER TABLE service_tokens ADD COLUMN minted_by text;

-- The app that administers an organisation may do so for its people too.
UPDATE apps SET requested_scopes = requested_scopes || '{platform:people:write}'::text[], updated_at = clock_timestamp()
WHERE first_party AND name = 'Administration' AND status <> 'deleted' AND 'platform:apps' = ANY (requested_scopes)
    AND NOT 'platform:people:write' = ANY (requested_scopes);
