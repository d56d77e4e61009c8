#!/bin/sh
# Runs once, in an empty cluster: the owner of a service's database, who has no login, and three logins; and `monitor`, who sees
# statistics and no table. The migrator may become the owner. Both see past row-level security, as backfills and dumps must; app and worker
# never do.
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
SQL
