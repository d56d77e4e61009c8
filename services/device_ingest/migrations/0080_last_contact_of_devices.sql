-- The last contact of each device. The relay writes it as it takes announcements, at most once a minute for a device, so that no request writes a row
-- more. There is no index of the times: each later write stays within its page (HOT).
CREATE TABLE device_contacts (
    tenant_id text NOT NULL,
    device_id text NOT NULL,
    last_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, device_id)
) WITH (fillfactor = 70);
SELECT tenant_table('device_contacts'), worker_writes_all('device_contacts');
REVOKE INSERT, UPDATE, DELETE ON device_contacts FROM {{app}};

-- As in 0071 and 0079, and also deletes the contacts of devices that are gone.
CREATE OR REPLACE FUNCTION public.erase_sandbox_devices(most integer) RETURNS boolean LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp
    SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
DECLARE
    gone text[] := ARRAY(SELECT id FROM public.devices WHERE tenant_id = public.current_tenant() AND sandbox ORDER BY id DESC LIMIT 10 FOR UPDATE);
    deleted bigint;
BEGIN
    IF cardinality(gone) = 0 THEN
        DELETE FROM public.device_contacts c
        WHERE tenant_id = public.current_tenant() AND NOT EXISTS (SELECT FROM public.devices d WHERE d.id = c.device_id);
        RETURN false;
    END IF;
    DELETE FROM public.observations o USING (
        SELECT one.id, one.observed_at FROM unnest(gone) AS g (id) CROSS JOIN LATERAL (
            SELECT id, observed_at FROM public.observations WHERE device_id = g.id ORDER BY device_id, observed_at LIMIT most) AS one
        LIMIT most) AS found
    WHERE o.id = found.id AND o.observed_at = found.observed_at;
    GET DIAGNOSTICS deleted = ROW_COUNT;
    IF deleted < most THEN
        DELETE FROM public.devices WHERE id = ANY (gone) AND sandbox;
    END IF;
    RETURN true;
END $$;
