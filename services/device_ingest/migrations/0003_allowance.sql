-- How many observations each organisation stores, in all and by day of observation, and how many it may. The relay counts them as it takes
-- announcements, so that no request writes a row more; a day leaves the count with its partition.

CREATE TABLE tenant_limits (
    tenant_id text NOT NULL,
    name text NOT NULL,
    most bigint NOT NULL CHECK (most >= 0),
    PRIMARY KEY (tenant_id, name)
);
SELECT tenant_table('tenant_limits'), worker_writes_all('tenant_limits');
REVOKE INSERT, UPDATE, DELETE ON tenant_limits FROM {{app}};

CREATE TABLE stored_observations (
    tenant_id text PRIMARY KEY,
    observations bigint NOT NULL
) WITH (fillfactor = 50);
SELECT tenant_table('stored_observations'), worker_writes_all('stored_observations');
REVOKE INSERT, UPDATE, DELETE ON stored_observations FROM {{app}};

CREATE TABLE stored_by_day (
    day date NOT NULL,
    tenant_id text NOT NULL,
    observations bigint NOT NULL,
    PRIMARY KEY (day, tenant_id)
) WITH (fillfactor = 50);
SELECT tenant_table('stored_by_day'), worker_writes_all('stored_by_day');
REVOKE ALL ON stored_by_day FROM {{app}};
