-- Erasing a sandbox's encounters.

-- They may be erased, those of production never: no role of a process may delete encounters, and this function deletes
-- only those of the transaction's tenant that were written in a sandbox (`test`, which only a sandbox's callers write and nobody changes).
-- An encounter may have any number of observations, versions and disclosures. A portion is at most 5,000, 500 or 2,000 of them, or `most` encounters
-- that have none: one statement for all of an encounter's would take longer than statements may. Returns whether there may be more.
CREATE FUNCTION public.erase_sandbox_encounters(most integer) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    gone text[] := ARRAY(
        SELECT id FROM public.encounters WHERE tenant_id = public.current_tenant() AND test ORDER BY id DESC LIMIT least(most, 200) FOR UPDATE);
    portion text[];
    erased integer;
    freed bigint;
BEGIN
    IF cardinality(gone) = 0 THEN
        RETURN false;
    END IF;
    portion := ARRAY(
        SELECT o.id FROM unnest(gone) AS g (id) CROSS JOIN LATERAL (
            (SELECT id FROM public.observations WHERE encounter_id = g.id AND revision IS NOT NULL AND tenant_id = public.current_tenant()
                ORDER BY encounter_id, observed_at LIMIT 5000)
            UNION ALL
            (SELECT id FROM public.observations WHERE encounter_id = g.id AND revision IS NULL AND tenant_id = public.current_tenant()
                ORDER BY encounter_id, id LIMIT 5000)
        ) AS o LIMIT 5000);
    DELETE FROM public.observations WHERE id = ANY (portion);
    IF cardinality(portion) = 5000 THEN
        RETURN true;
    END IF;
    WITH oldest AS MATERIALIZED (
        SELECT found.* FROM unnest(gone) AS g (id) CROSS JOIN LATERAL (
            SELECT encounter_id, version FROM public.encounter_versions WHERE encounter_id = g.id ORDER BY encounter_id, version LIMIT 500
        ) AS found LIMIT 500
    ), deleted AS (
        DELETE FROM public.encounter_versions v USING oldest o WHERE v.encounter_id = o.encounter_id AND v.version = o.version
        RETURNING octet_length(v.record) AS bytes
    )
    SELECT count(*), sum(bytes) INTO erased, freed FROM deleted;
    IF erased > 0 THEN
        INSERT INTO public.stored_bytes_added (tenant_id, bytes) VALUES (public.current_tenant(), -freed);
    END IF;
    IF erased = 500 THEN
        RETURN true;
    END IF;
    portion := ARRAY(
        SELECT o.id FROM unnest(gone) AS g (id) CROSS JOIN LATERAL (
            SELECT id FROM public.disclosures WHERE encounter_id = g.id ORDER BY encounter_id, id LIMIT 2000
        ) AS o LIMIT 2000);
    DELETE FROM public.patient_disclosures WHERE disclosure_id = ANY (portion);
    DELETE FROM public.disclosures WHERE id = ANY (portion);
    IF cardinality(portion) = 2000 THEN
        RETURN true;
    END IF;
    INSERT INTO public.stored_bytes_added (tenant_id, bytes)
    SELECT public.current_tenant(), -sum(octet_length(content)) FROM public.outcomes WHERE encounter_id = ANY (gone) HAVING count(*) > 0;
    DELETE FROM public.emergency_accesses WHERE encounter_id = ANY (gone);
    DELETE FROM public.encounter_destinations WHERE encounter_id = ANY (gone);
    DELETE FROM public.outcomes WHERE encounter_id = ANY (gone);
    DELETE FROM public.recipients WHERE encounter_id = ANY (gone);
    DELETE FROM public.encounter_identities WHERE encounter_id = ANY (gone);
    DELETE FROM public.patient_numbers WHERE encounter_id = ANY (gone);
    DELETE FROM public.due_facts WHERE encounter_id = ANY (gone);
    DELETE FROM public.late_links WHERE encounter_id = ANY (gone);
    DELETE FROM public.encounters WHERE id = ANY (gone) AND tenant_id = public.current_tenant() AND test;
    RETURN true;
END $$;
GRANT EXECUTE ON FUNCTION public.erase_sandbox_encounters(integer) TO {{worker}};
