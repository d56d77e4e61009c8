-- Revocations of tokens: watermarks, as a sequence of changes, few for every client and tenant; and keys that are distrusted at once.

-- One row, exempt from row-level security. Its lock puts revocations in one order, so that a number once seen is complete. The number grows with every
-- change, and with time: after a restore, the next revocation comes after all that anybody knows.
CREATE TABLE revocation_state (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    sequence bigint NOT NULL
);
INSERT INTO revocation_state (sequence) VALUES (floor(extract(epoch FROM clock_timestamp()) * 1000000));
GRANT SELECT, UPDATE ON revocation_state TO {{app}}, {{worker}};

-- Tokens whose id is older than `not_before_ms` are refused: of one client, grant or tenant, one token by its id, or all that a key signed. `client_id` is
-- whose tokens these are, of a single token or a grant. `made_before_ms` is when the last token that the watermark refuses was made, one millisecond
-- later: a wider watermark from then on covers it.
CREATE TABLE watermarks (
    kind text NOT NULL CHECK (kind IN ('client', 'grant', 'tenant', 'token', 'key')),
    id text NOT NULL,
    tenant_id text NOT NULL,
    client_id text,
    not_before_ms bigint NOT NULL,
    made_before_ms bigint NOT NULL,
    expires_at timestamptz NOT NULL,
    sequence bigint NOT NULL,
    PRIMARY KEY (kind, id)
);
CREATE INDEX watermarks_sequence ON watermarks (sequence);
CREATE INDEX watermarks_owner ON watermarks (tenant_id, client_id, made_before_ms);
CREATE INDEX watermarks_expires ON watermarks (expires_at);
SELECT tenant_table('watermarks'), worker_writes_all('watermarks');

-- Takes the row that puts revocations in one order, and as many numbers as are asked for; returns the last number before them.
CREATE FUNCTION next_changes(count bigint) RETURNS bigint LANGUAGE sql AS $$
    UPDATE revocation_state SET sequence = greatest(sequence, floor(extract(epoch FROM clock_timestamp()) * 1000000)::bigint) + count
    RETURNING sequence - count
$$;

-- Sets the watermarks of whole clients, or of a tenant, and drops those that they cover. None covers a key that is distrusted.
CREATE FUNCTION cover_all(of_kind text, revoked text[], before_ms bigint, base bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO watermarks (kind, id, tenant_id, client_id, not_before_ms, made_before_ms, expires_at, sequence)
    SELECT of_kind, one.id, current_tenant(), CASE of_kind WHEN 'client' THEN one.id END, before_ms, before_ms,
        clock_timestamp() + interval '30 days 5 minutes', base + row_number() OVER ()
    FROM (SELECT DISTINCT unnest(revoked) AS id) AS one
    ON CONFLICT (kind, id) DO UPDATE SET not_before_ms = greatest(watermarks.not_before_ms, excluded.not_before_ms),
        made_before_ms = greatest(watermarks.made_before_ms, excluded.made_before_ms),
        expires_at = greatest(watermarks.expires_at, excluded.expires_at), sequence = excluded.sequence;
    IF of_kind = 'client' THEN
        DELETE FROM watermarks WHERE tenant_id = current_tenant() AND client_id = ANY (revoked) AND made_before_ms <= before_ms
            AND kind IN ('grant', 'token');
    ELSE
        DELETE FROM watermarks WHERE tenant_id = current_tenant() AND made_before_ms <= before_ms AND kind NOT IN ('tenant', 'key');
    END IF;
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
    PERFORM cover_all(of_kind, ARRAY[owner], before_ms, next_changes(1));
    UPDATE service_tokens SET revoked_at = clock_timestamp()
    WHERE (of_kind = 'tenant' OR client_id = owner) AND revoked_at IS NULL AND expires_at > clock_timestamp()
        AND uuid_extract_timestamp(jti) < to_timestamp(before_ms / 1000.0);
    RETURN before_ms;
END $$;

-- Refuses every token of each of `revoked` made up to now; those whose tokens are dead already are left out, and those that a watermark of their
-- client or tenant covers. `owner` is the client of single tokens. Returns the watermarks that are wider than `revoked`. At most `client_most` ids get
-- watermarks of their own, those of the clients with the fewest ids; every other client gets one.
-- Issuing reads the client under the shared lock and stamps the token with the clock it saw there: a token is either stamped before this moment and
-- refused, or made from the rows that this transaction has written. The row of the sequence comes first: a revocation that waits for it, for as long as another
-- takes, holds none of the locks that issuing needs. Issuing holds those for one statement and never waits for the sequence, so nobody waits in a circle.
-- All that depends on the number of ids happens before that row is locked. Counting a client's or a tenant's watermarks takes a millisecond
-- or two, so for a few ids they are counted only every eighth time, on the average: the numbers exceed the most by some dozens.
CREATE FUNCTION revoke_tokens(of_kind text, revoked text[], owner text, lives interval, client_most integer, tenant_most integer)
RETURNS TABLE (folded_kind text, folded_id text, folded_before_ms bigint) LANGUAGE plpgsql
-- A new plan for each call would take most of the time for which all other revocations wait.
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    -- The rows of ended grants are locked, and a token is stamped before it locks the row of its grant.
    moment bigint := floor(extract(epoch FROM clock_timestamp()) * 1000) + 1;
    base bigint;
    crowded text[];
    ids text[];
    owners text[];
    made bigint[];
    ends timestamptz[];
    touched text[];
BEGIN
    IF of_kind IN ('client', 'tenant') THEN
        base := next_changes(cardinality(revoked));
        PERFORM pg_advisory_xact_lock(7402, hashtext(client_id))
        FROM (SELECT client_id FROM apps
              WHERE (of_kind = 'client' AND client_id = ANY (revoked)) OR (of_kind = 'tenant' AND tenant_id = ANY (revoked))
              ORDER BY hashtext(client_id)) AS affected;
        moment := floor(extract(epoch FROM clock_timestamp()) * 1000) + 1;
        PERFORM cover_all(of_kind, revoked, moment, base);
        -- The next token must not carry this very millisecond. Of a grant or a single token there is no next one.
        PERFORM pg_sleep(0.002);
    ELSE
        WITH ending AS (
            -- A user's access token lives a day at most (apps.access_token_ttl, which may have been longer when it was made), and the last
            -- of its grant was made within a day of the consent or of the last refresh.
            SELECT one.id, coalesce(owner, s.client_id, g.client_id) AS client_id,
                CASE of_kind
                    WHEN 'token' THEN coalesce(uuid_extract_timestamp(one.id::uuid), clock_timestamp()) + lives
                    ELSE least(clock_timestamp() + lives, CASE
                        WHEN s.grant_id IS NOT NULL THEN s.expires_at + interval '5 minutes'
                        WHEN g.grant_id IS NOT NULL THEN interval '1 day 5 minutes'
                            + least(clock_timestamp(), g.revoked_at, g.expires_at, coalesce(g.rotated_at, g.created_at) + interval '1 day')
                        END)
                END AS ends_at,
                coalesce(floor(extract(epoch FROM uuid_extract_timestamp(CASE of_kind WHEN 'token' THEN one.id::uuid ELSE s.jti END))
                    * 1000)::bigint + 1, moment) AS made_before_ms
            FROM (SELECT DISTINCT unnest(revoked) AS id) AS one
                -- A service token is the only one of its grant, which has no other row.
                LEFT JOIN service_tokens s ON of_kind = 'grant' AND s.grant_id = one.id
                LEFT JOIN grants g ON of_kind = 'grant' AND g.grant_id = one.id
        ), live AS (
            SELECT *, count(*) OVER (PARTITION BY e.client_id) AS of_client FROM ending e WHERE e.ends_at > clock_timestamp()
        ), counted AS (
            -- The ids of this client and of all clients with fewer.
            SELECT *, l.client_id IS NOT NULL AND count(*) OVER (ORDER BY l.of_client, l.client_id) > client_most AS is_crowded FROM live l
        )
        SELECT array_agg(c.id) FILTER (WHERE NOT is_crowded), array_agg(c.client_id) FILTER (WHERE NOT is_crowded),
            array_agg(c.made_before_ms) FILTER (WHERE NOT is_crowded), array_agg(c.ends_at) FILTER (WHERE NOT is_crowded),
            array_agg(DISTINCT c.client_id) FILTER (WHERE is_crowded)
        INTO ids, owners, made, ends, crowded FROM counted c;
        UPDATE service_tokens SET revoked_at = clock_timestamp()
        WHERE client_id = ANY (crowded) AND revoked_at IS NULL AND expires_at > clock_timestamp()
            AND uuid_extract_timestamp(jti) < to_timestamp(moment / 1000.0);

        base := next_changes(coalesce(cardinality(ids), 0) + coalesce(cardinality(crowded), 0));
        WITH written AS (
            INSERT INTO watermarks (kind, id, tenant_id, client_id, not_before_ms, made_before_ms, expires_at, sequence)
            SELECT of_kind, e.id, current_tenant(), e.client_id, moment, e.made_before_ms, e.ends_at, base + e.position
            FROM unnest(ids, owners, made, ends) WITH ORDINALITY AS e (id, client_id, made_before_ms, ends_at, position)
            WHERE NOT EXISTS (SELECT FROM watermarks w WHERE w.kind = 'client' AND w.id = e.client_id AND w.not_before_ms >= e.made_before_ms)
                AND NOT EXISTS (SELECT FROM watermarks w WHERE w.kind = 'tenant' AND w.id = current_tenant() AND w.not_before_ms >= e.made_before_ms)
            -- A clock that was set back must not let in refused tokens.
            ON CONFLICT (kind, id) DO UPDATE SET not_before_ms = greatest(watermarks.not_before_ms, excluded.not_before_ms),
                made_before_ms = greatest(watermarks.made_before_ms, excluded.made_before_ms),
                expires_at = greatest(watermarks.expires_at, excluded.expires_at), sequence = excluded.sequence
            RETURNING watermarks.client_id
        )
        SELECT array_agg(DISTINCT w.client_id) INTO touched FROM written w WHERE w.client_id IS NOT NULL;
        IF crowded IS NOT NULL THEN
            PERFORM cover_all('client', crowded, moment, base + coalesce(cardinality(ids), 0));
        END IF;
        RETURN QUERY SELECT 'client', one.id, moment FROM unnest(crowded) AS one (id);
        IF base % 8 = 0 OR cardinality(revoked) > 8 OR client_most < 1000 THEN
            RETURN QUERY SELECT 'client', one.id, one.before_ms
                FROM (SELECT full_one.client_id AS id, fold_watermarks('client', full_one.client_id, client_most) AS before_ms FROM (
                    SELECT w.client_id FROM watermarks w
                    WHERE w.tenant_id = current_tenant() AND w.client_id = ANY (touched) AND w.kind IN ('grant', 'token')
                    GROUP BY w.client_id HAVING count(*) > client_most) AS full_one) AS one
                WHERE one.before_ms IS NOT NULL;
        END IF;
    END IF;
    IF of_kind <> 'tenant' AND (base % 8 = 0 OR cardinality(revoked) > 8 OR tenant_most < 1000) THEN
        RETURN QUERY SELECT 'tenant', current_tenant(), one.before_ms
            FROM (SELECT fold_watermarks('tenant', current_tenant(), tenant_most) AS before_ms) AS one WHERE one.before_ms IS NOT NULL;
    END IF;
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
GRANT EXECUTE ON FUNCTION next_changes(bigint), cover_all(text, text[], bigint, bigint), fold_watermarks(text, text, integer),
    revoke_tokens(text, text[], text, interval, integer, integer), distrust_keys(text[]) TO {{app}}, {{worker}};

-- The changes after a number, oldest first, for followers, which check tokens of every tenant.
CREATE FUNCTION public.watermarks_after(after bigint, most integer) RETURNS TABLE (
    sequence bigint, kind text, id text, not_before_ms bigint, expires_at bigint, tenant_id text, client_id text
) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT w.sequence, w.kind, w.id, w.not_before_ms, extract(epoch FROM w.expires_at)::bigint, w.tenant_id, coalesce(w.client_id, '')
    FROM public.watermarks w WHERE w.sequence > after AND w.expires_at > now() ORDER BY w.sequence LIMIT most
$$;
GRANT EXECUTE ON FUNCTION public.watermarks_after(bigint, integer) TO {{app}};
