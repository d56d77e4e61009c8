-- Watermarks of many at once, never moved back, and forgotten once all they refuse is dead.

CREATE INDEX service_tokens_grant ON service_tokens (grant_id);

-- Until when tokens of `revoked` made up to now may still be believed, with five minutes for slow clocks; at most `lives` from now,
-- or from when a token was made, which its id says. A refresh token is no part of this: its grant's row refuses it.
-- A service token has its row. A user's access token lives a day at most (apps.access_token_ttl, which may have been longer when
-- it was made), and the last of its grant was made before that ended and, for all that a code's minute and the grace for
-- a lost answer take, within a day of the consent or of the last refresh.
CREATE FUNCTION watermark_end(of_kind text, revoked text, lives interval) RETURNS timestamptz LANGUAGE sql AS $$
    SELECT CASE of_kind
        WHEN 'token' THEN coalesce(uuid_extract_timestamp(revoked::uuid), clock_timestamp()) + lives
        WHEN 'grant' THEN least(clock_timestamp() + lives, coalesce(
            (SELECT max(expires_at) + interval '5 minutes' FROM service_tokens WHERE grant_id = revoked),
            (SELECT least(clock_timestamp(), revoked_at, expires_at, coalesce(rotated_at, created_at) + interval '1 day')
                + interval '1 day 5 minutes' FROM grants WHERE grant_id = revoked)))
        ELSE clock_timestamp() + lives
    END
$$;

-- Refuses every token of each of `revoked` made up to now, under one version; those whose tokens are dead already are left out.
-- Issuing reads the client under the shared lock and stamps the token with the clock it saw there: a token is either
-- stamped before this moment and refused, or made from what this transaction has written.
-- The version's row comes first: whoever waits for it, for as long as another revocation takes, holds none of the locks that
-- issuing needs. Issuing holds those for one statement and never waits for the version, so nobody waits in a circle.
-- Both are held until the commit, in whichever order they were taken: a version seen is still complete, and the moment
-- is read under both, so that it is later than every token stamped before.
CREATE FUNCTION add_watermarks(of_kind text, revoked text[], lives interval) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    moment bigint;
BEGIN
    UPDATE revocation_state SET version = version + 1;
    IF of_kind IN ('client', 'tenant') THEN
        PERFORM pg_advisory_xact_lock(7402, hashtext(client_id))
        FROM (SELECT client_id FROM apps
              WHERE (of_kind = 'client' AND client_id = ANY (revoked)) OR (of_kind = 'tenant' AND tenant_id = ANY (revoked))
              ORDER BY hashtext(client_id)) AS affected;
    END IF;
    moment := floor(extract(epoch FROM clock_timestamp()) * 1000) + 1;
    INSERT INTO watermarks (kind, id, tenant_id, not_before_ms, expires_at)
    SELECT of_kind, ending.id, current_tenant(), moment, ending.ends_at
    FROM (SELECT one.id, watermark_end(of_kind, one.id, lives) AS ends_at FROM (SELECT DISTINCT unnest(revoked) AS id) AS one) AS ending
    WHERE ending.ends_at > clock_timestamp()
    -- A clock that was set back must not let in what was refused.
    ON CONFLICT (kind, id) DO UPDATE SET not_before_ms = greatest(watermarks.not_before_ms, excluded.not_before_ms),
        expires_at = greatest(watermarks.expires_at, excluded.expires_at);
    IF of_kind IN ('client', 'tenant') THEN
        -- The next token must not carry this very millisecond. Of a grant or a single token there is no next one.
        PERFORM pg_sleep(0.002);
    END IF;
    RETURN moment;
END $$;

CREATE OR REPLACE FUNCTION add_watermark(of_kind text, revoked text, lives interval) RETURNS bigint LANGUAGE sql AS $$
    SELECT add_watermarks(of_kind, ARRAY[revoked], lives)
$$;

REVOKE EXECUTE ON FUNCTION watermark_end(text, text, interval), add_watermarks(text, text[], interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION watermark_end(text, text, interval), add_watermarks(text, text[], interval) TO {{app}}, {{worker}};

-- Those there are were made to live 30 days, whatever they refuse.
UPDATE watermarks SET expires_at = least(expires_at, watermark_end(kind, id, interval '30 days 5 minutes')) WHERE kind = 'grant';
