-- As before, but the portion is read once, also where the statistics are from a time when nothing waited: with IN, PostgreSQL then reads
-- the portion again for each entry that waits, 10,000 times 10,000 after an outage of the sealing.
CREATE OR REPLACE FUNCTION public.seal_audit(most integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    before public.audit_batches;
    seal public.audit_batches;
    number_taken integer;
BEGIN
    LOCK TABLE public.audit_batches IN SHARE ROW EXCLUSIVE MODE;
    SELECT * INTO before FROM public.audit_batches ORDER BY position DESC LIMIT 1;
    seal.position := COALESCE(before.position, 0) + 1;
    WITH taken AS (
        DELETE FROM public.audit_waiting WHERE audit_id = ANY (ARRAY(
            SELECT audit_id FROM public.audit_waiting ORDER BY at, audit_id LIMIT LEAST(GREATEST(most, 1), 10000)
        )) RETURNING audit_id, at
    ), leaves AS (
        INSERT INTO public.audit_leaves (batch, number, audit_id, leaf)
        SELECT seal.position, pg_catalog.row_number() OVER (ORDER BY taken.at, taken.audit_id), taken.audit_id,
            CASE WHEN pg_catalog.octet_length(a.tenant_id) + pg_catalog.octet_length(a.client_id)
                + COALESCE(pg_catalog.octet_length(a.actor), 0) + pg_catalog.octet_length(a.action)
                + pg_catalog.octet_length(a.subject_id) + pg_catalog.octet_length(a.trace_id)
                + pg_catalog.octet_length(d.detail) <= 131072
            THEN pg_catalog.sha256(pg_catalog.convert_to(pg_catalog.jsonb_build_array(
                a.id::text, a.tenant_id, pg_catalog.to_char(a.at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'),
                a.client_id, a.actor, a.action, a.subject_id, d.detail, a.trace_id
            )::text, 'UTF8'))
            ELSE public.leaf_of_long(
                a.id::text, public.sealed_text(a.tenant_id), pg_catalog.to_char(a.at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'),
                public.sealed_text(a.client_id), public.sealed_text(a.actor), public.sealed_text(a.action),
                public.sealed_text(a.subject_id), public.sealed_text(d.detail), public.sealed_text(a.trace_id)
            ) END
        FROM taken LEFT JOIN public.audit a ON a.id = taken.audit_id
        -- Only a detail of few bytes is written as text without looking: a number of ten bytes may have 131,072 digits.
        LEFT JOIN LATERAL (SELECT CASE WHEN pg_catalog.pg_column_size(a.detail) <= 256 THEN a.detail::text
            ELSE public.sealed_detail(a.detail) END AS detail) d ON true
        WHERE NOT EXISTS (SELECT FROM public.audit_leaves l WHERE l.audit_id = taken.audit_id)
        RETURNING number, leaf
    )
    SELECT pg_catalog.count(*), pg_catalog.sha256(pg_catalog.string_agg(leaf, ''::bytea ORDER BY number)),
        (SELECT pg_catalog.count(*) FROM taken)
    INTO seal.size, seal.root, number_taken FROM leaves;
    IF seal.size = 0 THEN
        RETURN number_taken;
    END IF;
    SELECT position, hash INTO seal.seals_position, seal.seals_hash FROM public.audit_seals ORDER BY position DESC LIMIT 1;
    seal.seals_position := COALESCE(seal.seals_position, 0);
    seal.seals_hash := COALESCE(seal.seals_hash, ''::bytea);
    seal.sealed_at := pg_catalog.clock_timestamp();
    seal.hash := pg_catalog.sha256(
        COALESCE(before.hash, ''::bytea) || pg_catalog.int8send(seal.position) || pg_catalog.int4send(seal.size) || seal.root
        || pg_catalog.int8send(seal.seals_position) || seal.seals_hash
        || pg_catalog.convert_to(pg_catalog.to_char(seal.sealed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'), 'UTF8')
    );
    INSERT INTO public.audit_batches SELECT seal.*;
    RETURN number_taken;
END $$;
