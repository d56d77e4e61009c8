-- Whether a device was enrolled in a sandbox. Nobody changes it, and only such devices may be erased.
ALTER TABLE devices ADD COLUMN sandbox boolean NOT NULL DEFAULT false;

-- The roles may delete devices and observations of the tenant by row-level security; this function deletes those of sandboxes alone, which
-- `sandbox` names and not the caller. At most `most` observations of up to ten devices, or up to 100 devices that have none. Returns
-- whether there may be more.
CREATE FUNCTION public.erase_sandbox_devices(most integer) RETURNS boolean LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    gone text[] := ARRAY(SELECT id FROM public.devices WHERE tenant_id = public.current_tenant() AND sandbox ORDER BY id DESC LIMIT 10 FOR UPDATE);
    deleted bigint;
BEGIN
    IF cardinality(gone) = 0 THEN
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
REVOKE EXECUTE ON FUNCTION public.erase_sandbox_devices(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.erase_sandbox_devices(integer) TO {{worker}};
