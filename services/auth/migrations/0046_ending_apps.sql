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

-- The message that an app is deleted stops all its automations, and the message that a person is disabled all of theirs. So their grants
-- are noted only if they may have authorised another app's automation: that takes the scope of an administrator.
CREATE OR REPLACE FUNCTION note_ended_grants() RETURNS trigger LANGUAGE plpgsql AS $$
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

CREATE OR REPLACE FUNCTION note_ended_consent() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ended_authorities (tenant_id, user_id, client_id) SELECT OLD.tenant_id, OLD.user_id, OLD.client_id
    WHERE NOT EXISTS (SELECT FROM apps a WHERE a.client_id = OLD.client_id AND a.status = 'deleted');
    RETURN NULL;
END $$;
