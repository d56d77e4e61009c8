-- As 0014, for the function made since.
ALTER FUNCTION find_oauth_clients(text[]) SET search_path = pg_catalog, public, pg_temp;
