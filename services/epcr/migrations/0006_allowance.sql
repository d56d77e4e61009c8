-- The bytes of records, outcomes and readings that each organisation stores, and how many it may.

CREATE TABLE tenant_limits (
    tenant_id text NOT NULL,
    name text NOT NULL,
    most bigint NOT NULL CHECK (most >= 0),
    PRIMARY KEY (tenant_id, name)
);
SELECT tenant_table('tenant_limits'), worker_writes_all('tenant_limits');
REVOKE INSERT, UPDATE, DELETE ON tenant_limits FROM {{app}};

-- No write waits for another to be counted: each adds a row to `stored_bytes_added`, and the relay adds the rows up.
CREATE TABLE stored_bytes (
    tenant_id text PRIMARY KEY,
    bytes bigint NOT NULL
);
SELECT tenant_table('stored_bytes'), worker_writes_all('stored_bytes');
REVOKE INSERT, UPDATE, DELETE ON stored_bytes FROM {{app}};

CREATE TABLE stored_bytes_added (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id text NOT NULL,
    bytes bigint NOT NULL
);
CREATE INDEX stored_bytes_added_tenant ON stored_bytes_added (tenant_id);
SELECT tenant_table('stored_bytes_added'), worker_writes_all('stored_bytes_added');
REVOKE UPDATE, DELETE ON stored_bytes_added FROM {{app}};

CREATE FUNCTION count_record() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO public.stored_bytes_added (tenant_id, bytes) VALUES (NEW.tenant_id, octet_length(NEW.record));
    RETURN NULL;
END $$;
CREATE TRIGGER count_record AFTER INSERT ON encounter_versions FOR EACH ROW EXECUTE FUNCTION count_record();

CREATE FUNCTION count_outcome() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO public.stored_bytes_added (tenant_id, bytes) VALUES (NEW.tenant_id, octet_length(NEW.content));
    RETURN NULL;
END $$;
CREATE TRIGGER count_outcome AFTER INSERT ON outcomes FOR EACH ROW EXECUTE FUNCTION count_outcome();
