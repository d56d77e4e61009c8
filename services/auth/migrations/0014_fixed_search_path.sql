-- As in shared/0005: these run as the owner, who looks up no name where a process's role could put one.
ALTER FUNCTION find_clients(text[]) SET search_path = pg_catalog, public, pg_temp;
ALTER FUNCTION live_watermarks() SET search_path = pg_catalog, public, pg_temp;
ALTER FUNCTION find_user(text) SET search_path = pg_catalog, public, pg_temp;
ALTER FUNCTION find_session(bytea) SET search_path = pg_catalog, public, pg_temp;
ALTER FUNCTION find_password_link(bytea) SET search_path = pg_catalog, public, pg_temp;
ALTER FUNCTION find_saml_connection(text) SET search_path = pg_catalog, public, pg_temp;
ALTER FUNCTION find_saml_domain(text) SET search_path = pg_catalog, public, pg_temp;
