-- Nothing that a role of a process writes into the trail stops its sealing. Entries are short, and are sealed in the order in which they
-- came: their ids are the writer's choice. NOT VALID and never validated: an entry from before may be longer, stays, and is sealed too.
ALTER TABLE audit
    ADD CONSTRAINT texts_are_short CHECK (octet_length(tenant_id) <= 1024 AND octet_length(client_id) <= 1024
        AND octet_length(actor) <= 1024 AND octet_length(action) <= 1024 AND octet_length(subject_id) <= 4096
        AND octet_length(trace_id) <= 1024) NOT VALID,
    ADD CONSTRAINT detail_is_short CHECK (octet_length(detail::text) <= 65536) NOT VALID;

-- The text that a seal covers of a text of any length: the text itself, or from 1 MiB on its length and its beginning.
CREATE FUNCTION public.sealed_text(value text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN pg_catalog.octet_length(value) <= 1048576 THEN value
        ELSE pg_catalog.octet_length(value) || ' bytes: ' || pg_catalog.left(value, 65536) END;

-- The same of a detail; NULL for one that PostgreSQL cannot write as text, which may be much longer than the detail as stored.
CREATE FUNCTION public.sealed_detail(value jsonb) RETURNS text LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN public.sealed_text(value::text);
EXCEPTION WHEN OTHERS THEN
    RETURN NULL;
END $$;

-- The leaf of an entry that is longer than entries are now: the SHA-256 of those of its columns, 32 zeros for NULL.
CREATE FUNCTION public.leaf_of_long(VARIADIC texts text[]) RETURNS bytea LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT sha256(string_agg(COALESCE(sha256(convert_to(value, 'UTF8')), decode(repeat('00', 32), 'hex')), ''::bytea ORDER BY place))
    FROM unnest(texts) WITH ORDINALITY AS column_of (value, place)
$$;

REVOKE EXECUTE ON FUNCTION public.sealed_text(text), public.sealed_detail(jsonb), public.leaf_of_long(text[]) FROM PUBLIC;
-- Verification reads the same texts; it computes leaves itself.
GRANT EXECUTE ON FUNCTION public.sealed_text(text), public.sealed_detail(jsonb) TO {{worker}};

-- As before, in the order of arrival, and with leaves of long entries. An id that has a leaf already gets no second one: its entry was
-- removed and written anew, and does not fit its leaf.
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
        DELETE FROM public.audit_waiting WHERE audit_id IN (
            SELECT audit_id FROM public.audit_waiting ORDER BY at, audit_id LIMIT LEAST(GREATEST(most, 1), 10000)
        ) RETURNING audit_id, at
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
