-- A role of a process widens revocations, and narrows or hides none of them: a gateway that starts reads this table alone, and one that runs
-- reads the rows with numbers above the last one that it knows.

-- Those of an organisation and its sandboxes, suspended together, were all under the one that came last, where followers do not look for the others.
WITH wrong AS (SELECT id, row_number() OVER () AS number FROM watermarks WHERE kind = 'tenant' AND tenant_id <> id),
    taken AS (SELECT next_changes((SELECT count(*) FROM wrong)) AS base)
UPDATE watermarks w SET tenant_id = wrong.id, sequence = taken.base + wrong.number
FROM wrong, taken WHERE w.kind = 'tenant' AND w.id = wrong.id;

-- The transaction that took the numbers last, and the last number before it took any. Written by the trigger alone.
ALTER TABLE revocation_state ADD COLUMN taken_by xid8, ADD COLUMN taken_after bigint NOT NULL DEFAULT 0;
CREATE FUNCTION public.note_taken_numbers() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    NEW.taken_by := pg_current_xact_id();
    NEW.taken_after := CASE WHEN OLD.taken_by = NEW.taken_by THEN OLD.taken_after ELSE OLD.sequence END;
    IF quote_ident(session_user)::regrole IN ('{{app}}'::regrole, '{{worker}}'::regrole) AND (
        NEW.only_row IS DISTINCT FROM OLD.only_row OR NEW.version NOT BETWEEN OLD.version AND OLD.version + 1 OR NEW.sequence < OLD.sequence
        -- Numbers without a bound would come to an end.
        OR NEW.sequence > greatest(OLD.sequence, floor(extract(epoch FROM clock_timestamp()) * 1000000)::bigint) + 1000000
    ) THEN
        RAISE EXCEPTION 'numbers of revocations grow, by one for each change' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER note_taken_numbers BEFORE UPDATE ON revocation_state FOR EACH ROW EXECUTE FUNCTION public.note_taken_numbers();

CREATE FUNCTION public.refuse_narrow_watermark() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF quote_ident(session_user)::regrole NOT IN ('{{app}}'::regrole, '{{worker}}'::regrole) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a watermark only widens, and lives as long as the tokens that it refuses' USING ERRCODE = 'insufficient_privilege';
END $$;
-- Without a client it refuses the token for every client of the tenant.
CREATE TRIGGER refuse_narrow_watermark BEFORE UPDATE ON watermarks FOR EACH ROW WHEN (
    NEW.kind <> OLD.kind OR NEW.id <> OLD.id OR NEW.tenant_id <> OLD.tenant_id
    OR (NEW.client_id IS DISTINCT FROM OLD.client_id AND NEW.client_id IS NOT NULL)
    OR NEW.not_before_ms < OLD.not_before_ms OR coalesce(NEW.made_before_ms, -1) < coalesce(OLD.made_before_ms, -1)
    OR NEW.expires_at < OLD.expires_at OR NEW.sequence < OLD.sequence
    OR (NEW.expires_at > OLD.expires_at AND NEW.expires_at > clock_timestamp() + interval '31 days')
    OR (NEW.not_before_ms > OLD.not_before_ms AND NEW.kind IN ('client', 'tenant')
        AND NEW.expires_at < to_timestamp(NEW.not_before_ms / 1000.0) + interval '30 days')
    OR (NEW.not_before_ms > OLD.not_before_ms AND NEW.not_before_ms > extract(epoch FROM clock_timestamp()) * 1000 + 900000)
) EXECUTE FUNCTION public.refuse_narrow_watermark();
-- Narrower watermarks that a wide one covers are not written, or are deleted. One that ends before those tokens would let them in; one of a time to come would
-- refuse tokens long after its writer is gone.
CREATE TRIGGER refuse_short_watermark BEFORE INSERT ON watermarks FOR EACH ROW WHEN (
    NEW.expires_at > clock_timestamp() + interval '31 days' OR NEW.not_before_ms > extract(epoch FROM clock_timestamp()) * 1000 + 900000
    OR (NEW.kind IN ('client', 'tenant') AND (NEW.expires_at < to_timestamp(NEW.not_before_ms / 1000.0) + interval '30 days'
        OR NEW.id <> CASE NEW.kind WHEN 'client' THEN coalesce(NEW.client_id, '') ELSE NEW.tenant_id END))
) EXECUTE FUNCTION public.refuse_narrow_watermark();

-- Numbers are those that this transaction took, so that no follower has gone past them; and the owner of the tokens is the true one, without
-- whom a follower would look for the watermark elsewhere.
CREATE FUNCTION public.require_numbered_watermarks() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    by_web boolean := quote_ident(session_user)::regrole = '{{app}}'::regrole;
BEGIN
    IF NOT by_web AND quote_ident(session_user)::regrole <> '{{worker}}'::regrole THEN
        RETURN NULL;
    END IF;
    IF EXISTS (SELECT FROM changed c CROSS JOIN public.revocation_state s
            WHERE s.taken_by IS DISTINCT FROM pg_current_xact_id() OR c.sequence <= s.taken_after OR c.sequence > s.sequence) THEN
        RAISE EXCEPTION 'the number of a watermark is not one that its transaction took' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF TG_OP = 'INSERT' AND (
        EXISTS (SELECT FROM changed c JOIN public.apps a ON a.client_id = c.id WHERE c.kind = 'client' AND a.tenant_id <> c.tenant_id)
        OR EXISTS (SELECT FROM changed c JOIN public.grants g ON g.grant_id = c.id
            WHERE c.kind = 'grant' AND (g.tenant_id <> c.tenant_id OR g.client_id IS DISTINCT FROM c.client_id))
        OR EXISTS (SELECT FROM changed c JOIN public.service_tokens s ON s.grant_id = c.id
            WHERE c.kind = 'grant' AND (s.tenant_id <> c.tenant_id OR s.client_id IS DISTINCT FROM c.client_id))
        OR (by_web AND EXISTS (SELECT FROM changed c WHERE c.kind = 'key'))
    ) THEN
        RAISE EXCEPTION 'a watermark names another owner than its tokens have' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER require_numbered_inserts AFTER INSERT ON watermarks REFERENCING NEW TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION public.require_numbered_watermarks();
CREATE TRIGGER require_numbered_updates AFTER UPDATE ON watermarks REFERENCING NEW TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION public.require_numbered_watermarks();

-- Watermarks that are over are forgotten, and those that a wider one covers.
CREATE FUNCTION public.keep_watermarks() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF quote_ident(session_user)::regrole IN ('{{app}}'::regrole, '{{worker}}'::regrole) AND EXISTS (
        SELECT FROM gone g WHERE g.expires_at > clock_timestamp()
            AND NOT (g.kind IN ('grant', 'token') AND EXISTS (SELECT FROM public.watermarks w WHERE w.kind = 'client' AND w.id = g.client_id
                AND w.tenant_id = g.tenant_id AND w.not_before_ms >= g.made_before_ms))
            AND NOT (g.kind IN ('client', 'grant', 'token') AND EXISTS (SELECT FROM public.watermarks w WHERE w.kind = 'tenant'
                AND w.id = g.tenant_id AND w.tenant_id = g.tenant_id AND w.not_before_ms >= g.made_before_ms))
    ) THEN
        RAISE EXCEPTION 'a watermark stays until all tokens that it refuses have expired' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER keep_watermarks AFTER DELETE ON watermarks REFERENCING OLD TABLE AS gone
FOR EACH STATEMENT EXECUTE FUNCTION public.keep_watermarks();

REVOKE EXECUTE ON FUNCTION public.note_taken_numbers(), public.refuse_narrow_watermark(), public.require_numbered_watermarks(), public.keep_watermarks()
FROM PUBLIC;

-- As before, but no watermark of the platform's tenant covers a key that is distrusted.
CREATE OR REPLACE FUNCTION cover_all(of_kind text, revoked text[], before_ms bigint, base bigint) RETURNS void LANGUAGE plpgsql AS $$
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
