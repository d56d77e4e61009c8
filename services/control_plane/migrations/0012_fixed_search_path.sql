-- As in shared/0005: it runs as the owner, who looks up no name where a process's role could put one.
ALTER FUNCTION installed_content(text) SET search_path = pg_catalog, public, pg_temp;
