#!/bin/sh
# Runs once, in an empty cluster. Makes the owner of a service's database, who cannot log in, three roles that can, and `monitor`, which
# reads statistics and no table. The migrator can switch to the owner. Row-level security does not apply to these two, because backfills and
# dumps must see every row; it always applies to app and worker.
set -eu
psql -v ON_ERROR_STOP=1 -U postgres -d "$POSTGRES_DB" -v db="$POSTGRES_DB" \
    -v owner="${POSTGRES_DB}_owner" -v migrator="${POSTGRES_DB}_migrator" -v app="${POSTGRES_DB}_app" -v worker="${POSTGRES_DB}_worker" \
    -v migrator_password="$MIGRATOR_PASSWORD" -v app_password="$APP_PASSWORD" -v worker_password="$WORKER_PASSWORD" \
    -v monitor_password="$MONITOR_PASSWORD" <<'SQL'
CREATE ROLE :"owner" NOLOGIN BYPASSRLS;
CREATE ROLE :"migrator" LOGIN BYPASSRLS PASSWORD :'migrator_password';
CREATE ROLE :"app" LOGIN PASSWORD :'app_password';
CREATE ROLE :"worker" LOGIN PASSWORD :'worker_password';
CREATE ROLE monitor LOGIN CONNECTION LIMIT 5 IN ROLE pg_monitor PASSWORD :'monitor_password';
GRANT :"owner" TO :"migrator";
ALTER DATABASE :"db" OWNER TO :"owner";
ALTER SCHEMA public OWNER TO :"owner";
REVOKE EXECUTE ON FUNCTION lo_creat(integer), lo_create(oid), lo_from_bytea(oid, bytea), lo_put(oid, bigint, bytea), lowrite(integer, bytea)
FROM PUBLIC;
SQL
