-- What the sealer has not chained yet, so that it need not look through the whole trail every second.
CREATE TABLE audit_unsealed (
    audit_id uuid PRIMARY KEY,
    tenant_id text NOT NULL
);
SELECT tenant_table('audit_unsealed'), worker_writes_all('audit_unsealed');
REVOKE UPDATE, DELETE ON audit_unsealed FROM {{app}};

CREATE FUNCTION await_seal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit_unsealed (audit_id, tenant_id) VALUES (NEW.id, NEW.tenant_id);
    RETURN NULL;
END $$;
CREATE TRIGGER await_seal AFTER INSERT ON audit FOR EACH ROW EXECUTE FUNCTION await_seal();

INSERT INTO audit_unsealed (audit_id, tenant_id)
SELECT a.id, a.tenant_id FROM audit a LEFT JOIN audit_seals s ON s.audit_id = a.id WHERE s.audit_id IS NULL;
