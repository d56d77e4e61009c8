-- Erasing a sandbox's devices.

-- The roles may delete devices and observations of the tenant by row-level security; this function deletes those of sandboxes alone, which
-- `sandbox` names and not the caller: at most `most` observations of up to ten devices, or up to ten devices that have none, and in the end the
-- contacts of devices that are gone. Returns whether there may be more.
-- Without the settings the planner would rather join a portion of a sandbox's observations with all observations of all organisations than find each
-- by its key.
CREATE FUNCTION public.erase_sandbox_devices(most integer) RETURNS boolean LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp
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
GRANT EXECUTE ON FUNCTION public.erase_sandbox_devices(integer) TO {{worker}};
