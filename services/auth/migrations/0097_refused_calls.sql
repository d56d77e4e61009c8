-- Calls of apps that the API refused with 401, 403 or 429, as gateways report them: folded by day and reason. `endpoint` is a method and a
-- route's template; it and `scope` are empty where an app has too many kinds of refusals.
CREATE TABLE refused_calls (
    tenant_id text NOT NULL,
    client_id text NOT NULL,
    day date NOT NULL,
    status smallint NOT NULL,
    reason text NOT NULL,
    endpoint text NOT NULL,
    scope text NOT NULL,
    count bigint NOT NULL,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    trace_id text NOT NULL,
    PRIMARY KEY (tenant_id, client_id, day, status, reason, endpoint, scope)
);
CREATE INDEX refused_calls_day ON refused_calls (day);
SELECT tenant_table('refused_calls'), worker_writes_all('refused_calls');
