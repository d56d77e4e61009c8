-- The audit trail is sealed in batches, whose roots are chained, by the owner's function alone: no role of a process writes a seal, and none
-- can keep an entry from being sealed. The seals made before stay as they are; each batch covers the newest of them.

-- Blocks writers of the trail until this transaction ends, so that none still writes where the old trigger did.
LOCK TABLE audit IN SHARE ROW EXCLUSIVE MODE;

CREATE TABLE audit_waiting (
    audit_id uuid PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 10000, autovacuum_vacuum_cost_delay = 0);

-- `root` is the SHA-256 of the batch's leaves in their order; `hash` covers it, every column beside it and the hash before.
CREATE TABLE audit_batches (
    position bigint PRIMARY KEY,
    size integer NOT NULL CHECK (size > 0),
    root bytea NOT NULL,
    seals_position bigint NOT NULL,
    seals_hash bytea NOT NULL,
    sealed_at timestamptz NOT NULL,
    hash bytea NOT NULL
);

CREATE TABLE audit_leaves (
    batch bigint NOT NULL,
    number integer NOT NULL,
    audit_id uuid NOT NULL UNIQUE,
    leaf bytea NOT NULL,
    PRIMARY KEY (batch, number)
);

-- What these hold of tenants is ids and hashes. The worker reads them to verify; the app has no business there.
GRANT SELECT ON audit_waiting, audit_batches, audit_leaves TO {{worker}};

CREATE OR REPLACE FUNCTION public.await_seal() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO public.audit_waiting (audit_id) VALUES (NEW.id);
    RETURN NULL;
END $$;

WITH moved AS (DELETE FROM audit_unsealed RETURNING audit_id)
INSERT INTO audit_waiting (audit_id) SELECT audit_id FROM moved ON CONFLICT DO NOTHING;

-- The version before this one still looks for rows to seal, finds none, and writes none.
REVOKE INSERT ON audit_unsealed FROM {{app}}, {{worker}};
REVOKE INSERT ON audit_seals FROM {{worker}};

-- Seals at most `most` entries as one batch and returns how many. Two at once take turns, by a lock that no role of a process can take.
-- An entry that is gone is sealed too, with a leaf that no entry has, so that it is missed.
CREATE FUNCTION public.seal_audit(most integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    before public.audit_batches;
    seal public.audit_batches;
BEGIN
    LOCK TABLE public.audit_batches IN SHARE ROW EXCLUSIVE MODE;
    SELECT * INTO before FROM public.audit_batches ORDER BY position DESC LIMIT 1;
    seal.position := COALESCE(before.position, 0) + 1;
    WITH taken AS (
        DELETE FROM public.audit_waiting WHERE audit_id IN (
            SELECT audit_id FROM public.audit_waiting ORDER BY audit_id LIMIT LEAST(GREATEST(most, 1), 10000)
        ) RETURNING audit_id
    ), leaves AS (
        INSERT INTO public.audit_leaves (batch, number, audit_id, leaf)
        SELECT seal.position, pg_catalog.row_number() OVER (ORDER BY taken.audit_id), taken.audit_id,
            pg_catalog.sha256(pg_catalog.convert_to(pg_catalog.jsonb_build_array(
                a.id::text, a.tenant_id, pg_catalog.to_char(a.at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'),
                a.client_id, a.actor, a.action, a.subject_id, a.detail::text, a.trace_id
            )::text, 'UTF8'))
        FROM taken LEFT JOIN public.audit a ON a.id = taken.audit_id
        RETURNING number, leaf
    )
    SELECT pg_catalog.count(*), pg_catalog.sha256(pg_catalog.string_agg(leaf, ''::bytea ORDER BY number))
    INTO seal.size, seal.root FROM leaves;
    IF seal.size = 0 THEN
        RETURN 0;
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
    RETURN seal.size;
END $$;
REVOKE EXECUTE ON FUNCTION public.seal_audit(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.seal_audit(integer) TO {{worker}};
