-- A sandbox's encounters may be erased, those of production never: no role of a process may delete encounters, and this function deletes
-- only those of the transaction's tenant that were written in a sandbox (`test`, which only a sandbox's callers write and nobody changes).
-- A portion is at most 5,000 observations, or `most` encounters that have none. Returns whether there may be more.
CREATE FUNCTION public.erase_sandbox_encounters(most integer) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    gone text[] := ARRAY(
        SELECT id FROM public.encounters WHERE tenant_id = public.current_tenant() AND test ORDER BY id DESC LIMIT least(most, 200) FOR UPDATE);
    readings text[];
BEGIN
    IF cardinality(gone) = 0 THEN
        RETURN false;
    END IF;
    readings := ARRAY(
        SELECT o.id FROM unnest(gone) AS g (id) CROSS JOIN LATERAL (
            (SELECT id FROM public.observations WHERE encounter_id = g.id AND revision IS NOT NULL AND tenant_id = public.current_tenant()
                ORDER BY encounter_id, observed_at LIMIT 5000)
            UNION ALL
            (SELECT id FROM public.observations WHERE encounter_id = g.id AND revision IS NULL AND tenant_id = public.current_tenant()
                ORDER BY encounter_id, id LIMIT 5000)
        ) AS o LIMIT 5000);
    DELETE FROM public.observations WHERE id = ANY (readings);
    IF cardinality(readings) = 5000 THEN
        RETURN true;
    END IF;
    INSERT INTO public.stored_bytes_added (tenant_id, bytes)
    SELECT public.current_tenant(), -sum(bytes) FROM (
        SELECT octet_length(record) AS bytes FROM public.encounter_versions WHERE encounter_id = ANY (gone)
        UNION ALL SELECT octet_length(content) FROM public.outcomes WHERE encounter_id = ANY (gone)
    ) AS stored HAVING count(*) > 0;
    DELETE FROM public.patient_disclosures WHERE disclosure_id IN (SELECT id FROM public.disclosures WHERE encounter_id = ANY (gone));
    DELETE FROM public.disclosures WHERE encounter_id = ANY (gone);
    DELETE FROM public.emergency_accesses WHERE encounter_id = ANY (gone);
    DELETE FROM public.encounter_destinations WHERE encounter_id = ANY (gone);
    DELETE FROM public.outcomes WHERE encounter_id = ANY (gone);
    DELETE FROM public.recipients WHERE encounter_id = ANY (gone);
    DELETE FROM public.encounter_identities WHERE encounter_id = ANY (gone);
    DELETE FROM public.patient_numbers WHERE encounter_id = ANY (gone);
    DELETE FROM public.due_facts WHERE encounter_id = ANY (gone);
    DELETE FROM public.late_links WHERE encounter_id = ANY (gone);
    DELETE FROM public.encounter_versions WHERE encounter_id = ANY (gone);
    DELETE FROM public.encounters WHERE id = ANY (gone) AND tenant_id = public.current_tenant() AND test;
    RETURN true;
END $$;
REVOKE EXECUTE ON FUNCTION public.erase_sandbox_encounters(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.erase_sandbox_encounters(integer) TO {{worker}};
