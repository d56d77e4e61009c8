-- Deleted connections whose links to people the relay still deletes, in portions. Nobody finds a link whose connection is gone. A trigger
-- alone writes the row, so that processes of the previous release write it too, and no web process leaves one out or makes one up.
-- Sign-ins hold their connection while they write the rows of the other tables: all wait here first, in one order.
LOCK TABLE saml_connections IN ACCESS EXCLUSIVE MODE;
CREATE TABLE ending_connections (
    connection_id text PRIMARY KEY,
    tenant_id text NOT NULL,
    decided_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    turn_at timestamptz
);
SELECT tenant_table('ending_connections'), worker_writes_all('ending_connections');
REVOKE INSERT, UPDATE, DELETE ON ending_connections FROM {{app}};

CREATE FUNCTION public.note_ended_connection() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO public.ending_connections (connection_id, tenant_id) VALUES (OLD.connection_id, OLD.tenant_id) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION public.note_ended_connection() FROM PUBLIC;
CREATE TRIGGER connection_ended AFTER DELETE ON saml_connections FOR EACH ROW EXECUTE FUNCTION public.note_ended_connection();

-- Sign-ins and logouts hold their connection before they write any of these rows. All but the links go by age, also the answers that 0129 let go with
-- their connection; `saml_sessions` go with the session.
ALTER TABLE saml_identities DROP CONSTRAINT saml_identities_connection_id_fkey;
ALTER TABLE saml_requests DROP CONSTRAINT saml_requests_connection_id_fkey;
ALTER TABLE saml_replays DROP CONSTRAINT saml_replays_connection_id_fkey;
ALTER TABLE saml_tickets DROP CONSTRAINT saml_tickets_connection_id_fkey;
ALTER TABLE saml_sessions DROP CONSTRAINT saml_sessions_connection_id_fkey;
