-- Revocations as a sequence of changes, few for every client and tenant, and keys that are distrusted at once.

-- Grows with every change, and with time: after a restore, what is revoked next comes after all that anybody has heard of.
ALTER TABLE revocation_state ADD COLUMN sequence bigint NOT NULL DEFAULT 0;
-- `client_id` is whose tokens these are, of a single token or a grant. `made_before_ms` is when the last token that the watermark
-- refuses was made: a wider watermark from then on covers it.
ALTER TABLE watermarks
    ADD COLUMN sequence bigint NOT NULL DEFAULT 0,
    ADD COLUMN client_id text,
    ADD COLUMN made_before_ms bigint,
    DROP CONSTRAINT watermarks_kind_check,
    ADD CONSTRAINT watermarks_kind_check CHECK (kind IN ('client', 'grant', 'tenant', 'token', 'key'));

UPDATE watermarks w SET made_before_ms = not_before_ms, sequence = numbered.number, client_id = CASE w.kind
        WHEN 'client' THEN w.id
        WHEN 'grant' THEN coalesce(
            (SELECT client_id FROM service_tokens s WHERE s.grant_id = w.id LIMIT 1),
            (SELECT client_id FROM grants g WHERE g.grant_id = w.id)) END
    FROM (SELECT kind, id, row_number() OVER (ORDER BY kind, id) AS number FROM watermarks) AS numbered
    WHERE numbered.kind = w.kind AND numbered.id = w.id;
UPDATE revocation_state SET sequence = floor(extract(epoch FROM clock_timestamp()) * 1000000);

CREATE INDEX watermarks_sequence ON watermarks (sequence);
CREATE INDEX watermarks_owner ON watermarks (tenant_id, client_id, made_before_ms);

-- Takes the row that puts revocations in one order, and as many numbers as are asked for; returns the last number before them.
CREATE FUNCTION next_changes(count bigint) RETURNS bigint LANGUAGE sql AS $$
    UPDATE revocation_state SET sequence = greatest(sequence, floor(extract(epoch FROM clock_timestamp()) * 1000000)::bigint) + count
    RETURNING sequence - count
$$;

-- When the last token was made that a watermark of this moment refuses, one millisecond later: a service token is the only one of its grant.
CREATE FUNCTION made_before(of_kind text, revoked text, moment bigint) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT coalesce(CASE of_kind
        WHEN 'token' THEN floor(extract(epoch FROM uuid_extract_timestamp(revoked::uuid)) * 1000)::bigint + 1
        WHEN 'grant' THEN (SELECT floor(extract(epoch FROM uuid_extract_timestamp(jti)) * 1000)::bigint + 1
            FROM service_tokens WHERE grant_id = revoked LIMIT 1)
    END, moment)
$$;

-- Sets the watermark of a whole client or tenant, and drops what it covers.
CREATE FUNCTION cover(of_kind text, revoked text, before_ms bigint, number bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO watermarks (kind, id, tenant_id, client_id, not_before_ms, made_before_ms, expires_at, sequence)
    VALUES (of_kind, revoked, current_tenant(), CASE of_kind WHEN 'client' THEN revoked END, before_ms, before_ms,
        clock_timestamp() + interval '30 days 5 minutes', number)
    ON CONFLICT (kind, id) DO UPDATE SET not_before_ms = greatest(watermarks.not_before_ms, excluded.not_before_ms),
        made_before_ms = greatest(watermarks.made_before_ms, excluded.made_before_ms),
        expires_at = greatest(watermarks.expires_at, excluded.expires_at), sequence = excluded.sequence;
    DELETE FROM watermarks WHERE tenant_id = current_tenant() AND made_before_ms <= before_ms
        AND CASE of_kind WHEN 'client' THEN client_id = revoked AND kind IN ('grant', 'token') ELSE kind <> 'tenant' END;
END $$;

-- Where one client, or one tenant, has more watermarks than `most`, the older half becomes one of the client or the tenant: it refuses
-- every token made before then, also those that nobody revoked. Returns that moment, or null where there are not that many.
CREATE FUNCTION fold_watermarks(of_kind text, owner text, most integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    before_ms bigint;
BEGIN
    IF (SELECT count(*) FROM (SELECT FROM watermarks WHERE tenant_id = current_tenant()
            AND CASE of_kind WHEN 'client' THEN client_id = owner AND kind IN ('grant', 'token') ELSE kind <> 'tenant' END
            LIMIT most + 1) AS counted) <= most THEN
        RETURN NULL;
    END IF;
    SELECT made_before_ms INTO before_ms FROM watermarks WHERE tenant_id = current_tenant()
        AND CASE of_kind WHEN 'client' THEN client_id = owner AND kind IN ('grant', 'token') ELSE kind <> 'tenant' END
        ORDER BY made_before_ms OFFSET most / 2 LIMIT 1;
    PERFORM cover(of_kind, owner, before_ms, next_changes(1) + 1);
    UPDATE service_tokens SET revoked_at = clock_timestamp()
    WHERE (of_kind = 'tenant' OR client_id = owner) AND revoked_at IS NULL AND expires_at > clock_timestamp()
        AND uuid_extract_timestamp(jti) < to_timestamp(before_ms / 1000.0);
    RETURN before_ms;
END $$;

-- Refuses every token of each of `revoked` made up to now, under one version; those whose tokens are dead already are left out, and those
-- that a watermark of their client or tenant covers. `owner` is the client of single tokens. Returns what was folded for it.
-- As before: the version's row comes first, the locks that issuing needs after it, and the moment is read under both.
CREATE FUNCTION revoke_tokens(of_kind text, revoked text[], owner text, lives interval, client_most integer, tenant_most integer)
RETURNS TABLE (folded_kind text, folded_id text, folded_before_ms bigint) LANGUAGE plpgsql
-- Planning it anew would take most of the time for which all other revocations wait.
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    moment bigint;
    base bigint;
    touched text[];
BEGIN
    UPDATE revocation_state SET version = version + 1;
    base := next_changes(cardinality(revoked));
    IF of_kind IN ('client', 'tenant') THEN
        PERFORM pg_advisory_xact_lock(7402, hashtext(client_id))
        FROM (SELECT client_id FROM apps
              WHERE (of_kind = 'client' AND client_id = ANY (revoked)) OR (of_kind = 'tenant' AND tenant_id = ANY (revoked))
              ORDER BY hashtext(client_id)) AS affected;
    END IF;
    moment := floor(extract(epoch FROM clock_timestamp()) * 1000) + 1;
    IF of_kind IN ('client', 'tenant') THEN
        PERFORM cover(of_kind, one.id, moment, base + one.position)
        FROM (SELECT id, row_number() OVER () AS position FROM (SELECT DISTINCT unnest(revoked) AS id) AS each) AS one;
        -- The next token must not carry this very millisecond. Of a grant or a single token there is no next one.
        PERFORM pg_sleep(0.002);
    ELSE
        WITH ending AS (
            SELECT one.id, watermark_end(of_kind, one.id, lives) AS ends_at, made_before(of_kind, one.id, moment) AS made_before_ms,
                coalesce(owner, CASE of_kind WHEN 'grant' THEN coalesce(
                    (SELECT s.client_id FROM service_tokens s WHERE s.grant_id = one.id LIMIT 1),
                    (SELECT g.client_id FROM grants g WHERE g.grant_id = one.id)) END) AS client_id,
                base + row_number() OVER () AS sequence
            FROM (SELECT DISTINCT unnest(revoked) AS id) AS one
        ), written AS (
            INSERT INTO watermarks (kind, id, tenant_id, client_id, not_before_ms, made_before_ms, expires_at, sequence)
            SELECT of_kind, e.id, current_tenant(), e.client_id, moment, e.made_before_ms, e.ends_at, e.sequence
            FROM ending e
            WHERE e.ends_at > clock_timestamp()
                AND NOT EXISTS (SELECT FROM watermarks w WHERE w.kind = 'client' AND w.id = e.client_id AND w.not_before_ms >= e.made_before_ms)
                AND NOT EXISTS (SELECT FROM watermarks w WHERE w.kind = 'tenant' AND w.id = current_tenant() AND w.not_before_ms >= e.made_before_ms)
            -- A clock that was set back must not let in what was refused.
            ON CONFLICT (kind, id) DO UPDATE SET not_before_ms = greatest(watermarks.not_before_ms, excluded.not_before_ms),
                made_before_ms = greatest(watermarks.made_before_ms, excluded.made_before_ms),
                expires_at = greatest(watermarks.expires_at, excluded.expires_at), sequence = excluded.sequence
            RETURNING watermarks.client_id
        )
        SELECT array_agg(DISTINCT w.client_id) INTO touched FROM written w WHERE w.client_id IS NOT NULL;
        RETURN QUERY SELECT 'client', one.id, one.before_ms
            FROM (SELECT each AS id, fold_watermarks('client', each, client_most) AS before_ms FROM unnest(touched) AS each) AS one
            WHERE one.before_ms IS NOT NULL;
    END IF;
    -- Counting thousands takes a millisecond, so only every eighth time, on the average.
    IF of_kind <> 'tenant' AND (base % 8 = 0 OR cardinality(revoked) > 8 OR tenant_most < 1000) THEN
        RETURN QUERY SELECT 'tenant', current_tenant(), one.before_ms
            FROM (SELECT fold_watermarks('tenant', current_tenant(), tenant_most) AS before_ms) AS one WHERE one.before_ms IS NOT NULL;
    END IF;
END $$;

-- As the previous release calls it.
CREATE OR REPLACE FUNCTION add_watermarks(of_kind text, revoked text[], lives interval) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    PERFORM revoke_tokens(of_kind, revoked, NULL, lives, 1000, 5000);
    RETURN floor(extract(epoch FROM clock_timestamp()) * 1000);
END $$;

-- Nothing that these keys signed is believed any more. They belong to no tenant.
CREATE FUNCTION distrust_keys(kids text[]) RETURNS void LANGUAGE sql AS $$
    SELECT set_config('app.tenant_id', 'platform', true);
    INSERT INTO watermarks (kind, id, tenant_id, not_before_ms, made_before_ms, expires_at, sequence)
    SELECT 'key', kid, 'platform', floor(extract(epoch FROM clock_timestamp()) * 1000), 0,
        clock_timestamp() + interval '30 days 5 minutes', numbers.base + row_number() OVER ()
    FROM (SELECT next_changes(cardinality(kids)) AS base) AS numbers, unnest(kids) AS kid
    ON CONFLICT (kind, id) DO NOTHING
$$;

-- For gateways of the previous release, which know neither keys nor differences.
CREATE OR REPLACE FUNCTION live_watermarks() RETURNS TABLE (kind text, id text, not_before_ms bigint, expires_at bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT kind, id, not_before_ms, extract(epoch FROM expires_at)::bigint FROM public.watermarks
    WHERE expires_at > now() AND kind <> 'key' ORDER BY kind, id
$$;

-- What changed after a number, oldest first, for whoever holds every tenant's tokens.
CREATE FUNCTION watermarks_after(after bigint, most integer) RETURNS TABLE (
    sequence bigint, kind text, id text, not_before_ms bigint, expires_at bigint, tenant_id text, client_id text
) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT w.sequence, w.kind, w.id, w.not_before_ms, extract(epoch FROM w.expires_at)::bigint, w.tenant_id, coalesce(w.client_id, '')
    FROM public.watermarks w WHERE w.sequence > after AND w.expires_at > now() ORDER BY w.sequence LIMIT most
$$;

REVOKE EXECUTE ON FUNCTION next_changes(bigint), made_before(text, text, bigint), cover(text, text, bigint, bigint),
    fold_watermarks(text, text, integer), revoke_tokens(text, text[], text, interval, integer, integer), distrust_keys(text[]),
    watermarks_after(bigint, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION next_changes(bigint), made_before(text, text, bigint), cover(text, text, bigint, bigint),
    fold_watermarks(text, text, integer), revoke_tokens(text, text[], text, interval, integer, integer), distrust_keys(text[])
    TO {{app}}, {{worker}};
GRANT EXECUTE ON FUNCTION watermarks_after(bigint, integer) TO {{app}};
