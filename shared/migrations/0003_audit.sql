-- The audit trail, its seals, how far the relay has compared the two, and the reading of it.

-- Append-only. Rows are written unsealed, so that writers do not queue behind one another. The time of an entry is the database's, never the
-- writer's. Entries are short, so that nothing that a role of a process writes stops their sealing.
CREATE TABLE audit (
    id uuid PRIMARY KEY,
    tenant_id text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    client_id text NOT NULL,
    actor text,
    action text NOT NULL,
    subject_id text NOT NULL,
    detail jsonb NOT NULL DEFAULT '{}',
    trace_id text NOT NULL,
    CONSTRAINT texts_are_short CHECK (octet_length(tenant_id) <= 1024 AND octet_length(client_id) <= 1024
        AND octet_length(actor) <= 1024 AND octet_length(action) <= 1024 AND octet_length(subject_id) <= 4096
        AND octet_length(trace_id) <= 1024),
    CONSTRAINT detail_is_short CHECK (octet_length(detail::text) <= 65536)
);
CREATE INDEX audit_tenant ON audit (tenant_id, id);
-- An organisation reads its own entries: all of them, or those of a record, a person, an app, an action or a trace, newest first. Longer
-- values are in no index, because an entry must not fail for its length.
CREATE INDEX audit_by_time ON audit (tenant_id, at, id) WHERE octet_length(tenant_id) <= 256;
CREATE INDEX audit_by_subject ON audit (tenant_id, subject_id, at, id) WHERE octet_length(tenant_id) <= 256 AND octet_length(subject_id) <= 256;
CREATE INDEX audit_by_actor ON audit (tenant_id, actor, at, id) WHERE octet_length(tenant_id) <= 256 AND octet_length(actor) <= 256;
CREATE INDEX audit_by_client ON audit (tenant_id, client_id, at, id) WHERE octet_length(tenant_id) <= 256 AND octet_length(client_id) <= 256;
CREATE INDEX audit_by_action ON audit (tenant_id, action, at, id) WHERE octet_length(tenant_id) <= 256 AND octet_length(action) <= 256;
CREATE INDEX audit_by_trace ON audit (tenant_id, trace_id, at, id) WHERE octet_length(tenant_id) <= 256 AND octet_length(trace_id) <= 256;
SELECT tenant_table('audit'), worker_reads_all('audit');
REVOKE INSERT, UPDATE, DELETE ON audit FROM {{app}}, {{worker}};
GRANT INSERT (id, tenant_id, client_id, actor, action, subject_id, detail, trace_id) ON audit TO {{app}}, {{worker}};

-- The entries without a seal, so that the sealer need not look through the whole trail every second. No role of a process can keep one from being
-- sealed. The sealer takes those that came first, and measures the age of the oldest: the ids of entries are the writer's choice.
CREATE TABLE audit_waiting (
    audit_id uuid PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 10000, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX audit_waiting_arrival ON audit_waiting (at, audit_id);

CREATE FUNCTION public.await_seal() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO public.audit_waiting (audit_id) VALUES (NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER await_seal AFTER INSERT ON audit FOR EACH ROW EXECUTE FUNCTION await_seal();

-- The trail is sealed in batches, whose roots are chained, by the owner's function alone: no role of a process writes a seal. `root` is the SHA-256 of
-- the batch's leaves in their order; `hash` covers it, every column beside it and the hash before.
CREATE TABLE audit_batches (
    position bigint PRIMARY KEY,
    size integer NOT NULL CHECK (size > 0),
    root bytea NOT NULL,
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

-- These hold ids and hashes of tenants. The worker reads them to verify; the app has no business there.
GRANT SELECT ON audit_waiting, audit_batches, audit_leaves TO {{worker}};

-- Seals at most `most` entries as one batch, in the order of their arrival, and returns how many. Two at once take turns, by a lock that no role of a
-- process can take. An entry that is gone is sealed too, with a leaf that no entry has, so that it is missed. An id that has a leaf already gets no
-- second one: its entry was removed and written anew, and does not fit its leaf. The portion is read once, also where the statistics are from a time
-- when nothing waited: with IN, PostgreSQL then reads the portion again for each entry that waits, 10,000 times 10,000 after an outage of the sealing.
CREATE FUNCTION public.seal_audit(most integer) RETURNS integer
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
            pg_catalog.sha256(pg_catalog.convert_to(pg_catalog.jsonb_build_array(
                a.id::text, a.tenant_id, pg_catalog.to_char(a.at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'),
                a.client_id, a.actor, a.action, a.subject_id, a.detail::text, a.trace_id
            )::text, 'UTF8'))
        FROM taken LEFT JOIN public.audit a ON a.id = taken.audit_id
        WHERE NOT EXISTS (SELECT FROM public.audit_leaves l WHERE l.audit_id = taken.audit_id)
        RETURNING number, leaf
    )
    SELECT pg_catalog.count(*), pg_catalog.sha256(pg_catalog.string_agg(leaf, ''::bytea ORDER BY number)),
        (SELECT pg_catalog.count(*) FROM taken)
    INTO seal.size, seal.root, number_taken FROM leaves;
    IF seal.size = 0 THEN
        RETURN number_taken;
    END IF;
    seal.sealed_at := pg_catalog.clock_timestamp();
    seal.hash := pg_catalog.sha256(
        COALESCE(before.hash, ''::bytea) || pg_catalog.int8send(seal.position) || pg_catalog.int4send(seal.size) || seal.root
        || pg_catalog.convert_to(pg_catalog.to_char(seal.sealed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'), 'UTF8')
    );
    INSERT INTO public.audit_batches SELECT seal.*;
    RETURN number_taken;
END $$;
GRANT EXECUTE ON FUNCTION public.seal_audit(integer) TO {{worker}};

-- How far the relay has compared the trail with its seals: one row, of no tenant. The check has two places, so that new entries wait for no pass over
-- the old ones: `head` is how far new entries are compared, `place` that of the pass over all entries, which began at `began_at`, and `passed_at`
-- when a pass last ended. `checked_at`, `checked_position`, `checked_hash` and `sealed_until` are of the last time that the head was at the end of the
-- chain. `fault` is `new_fault` or `old_fault`, of the head and of the pass.
CREATE TABLE audit_checks (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    head jsonb NOT NULL,
    place jsonb NOT NULL,
    began_at timestamptz NOT NULL,
    passed_at timestamptz,
    checked_at timestamptz,
    checked_position bigint,
    checked_hash bytea,
    sealed_until timestamptz,
    new_fault text,
    old_fault text,
    fault text,
    broken boolean GENERATED ALWAYS AS (fault IS NOT NULL) STORED
);
-- The app does not see a fault, which may name an entry of any tenant, nor how many batches there are.
GRANT SELECT (checked_at, sealed_until, checked_hash, broken) ON audit_checks TO {{app}};
GRANT SELECT, INSERT, UPDATE ON audit_checks TO {{worker}};

-- Who has read the trail with which question in which hour, so that the trail has one entry of it.
CREATE TABLE audit_reads (
    tenant_id text NOT NULL,
    digest bytea NOT NULL,
    hour timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, digest, hour)
);
CREATE INDEX audit_reads_hour ON audit_reads (hour);
SELECT tenant_table('audit_reads'), worker_writes_all('audit_reads');

-- When an entry of the caller's own tenant was sealed, and whether its batch was compared with the chain since; no row without a seal.
-- The app sees no batch and no leaf, because they tell how much other tenants do.
CREATE FUNCTION public.seal_of_entry(entry uuid) RETURNS TABLE (sealed_at timestamptz, checked boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT b.sealed_at, COALESCE((SELECT c.fault IS NULL AND b.position <= c.checked_position FROM public.audit_checks c), false)
    FROM public.audit a JOIN public.audit_leaves l ON l.audit_id = a.id JOIN public.audit_batches b ON b.position = l.batch
    WHERE a.id = entry AND a.tenant_id = public.current_tenant()
$$;
GRANT EXECUTE ON FUNCTION public.seal_of_entry(uuid) TO {{app}};
