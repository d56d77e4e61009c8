#!/bin/sh
# Runs once, in an empty cluster: the three roles of a service's database. The migrator owns the tables and sees past
# row-level security, as backfills and dumps must; app and worker never do.
set -eu
psql -v ON_ERROR_STOP=1 -U postgres -d "$POSTGRES_DB" -v db="$POSTGRES_DB" \
    -v migrator="${POSTGRES_DB}_migrator" -v app="${POSTGRES_DB}_app" -v worker="${POSTGRES_DB}_worker" \
    -v migrator_password="$MIGRATOR_PASSWORD" -v app_password="$APP_PASSWORD" -v worker_password="$WORKER_PASSWORD" <<'SQL'
CREATE ROLE :"migrator" LOGIN BYPASSRLS PASSWORD :'migrator_password';
CREATE ROLE :"app" LOGIN PASSWORD :'app_password';
CREATE ROLE :"worker" LOGIN PASSWORD :'worker_password';
ALTER DATABASE :"db" OWNER TO :"migrator";
ALTER SCHEMA public OWNER TO :"migrator";
SQL
