-- Releases of versions to an environment, with every state that each has been in.

-- `replaces` is the release that was live when this one was approved: it goes live in that one's place, or not at all.
CREATE TABLE releases (
    id text PRIMARY KEY,
    tenant_id text NOT NULL,
    package_id text NOT NULL REFERENCES packages,
    version_id text NOT NULL REFERENCES versions,
    version text NOT NULL,
    environment text NOT NULL CHECK (environment IN ('sandbox', 'production')),
    status text NOT NULL DEFAULT 'requested' CHECK (status IN ('requested', 'approved', 'rejected', 'live', 'superseded', 'rolled_back')),
    requested_by text NOT NULL,
    requested_by_user text,
    decided_by text,
    decided_by_user text,
    replaces text REFERENCES releases,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    decided_at timestamptz,
    live_at timestamptz,
    ended_at timestamptz
);
CREATE UNIQUE INDEX releases_one_live ON releases (package_id, environment) WHERE status = 'live';
CREATE UNIQUE INDEX releases_one_open ON releases (version_id, environment) WHERE status IN ('requested', 'approved', 'live');
CREATE INDEX releases_listed ON releases (tenant_id, id DESC);
CREATE INDEX releases_of_package ON releases (package_id, environment, id DESC);
SELECT tenant_table('releases');
REVOKE DELETE ON releases FROM {{app}}, {{worker}};

-- Every state a release has been in, by whose hand, and in which trace.
CREATE TABLE release_history (
    id uuid PRIMARY KEY,
    tenant_id text NOT NULL,
    release_id text NOT NULL REFERENCES releases,
    status text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    client_id text NOT NULL,
    user_id text,
    reason text,
    trace_id text NOT NULL
);
CREATE INDEX release_history_of ON release_history (release_id, id);
SELECT tenant_table('release_history');
REVOKE UPDATE, DELETE ON release_history FROM {{app}}, {{worker}};
