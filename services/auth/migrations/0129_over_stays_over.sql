-- Times and marks that no seal covers, because they change often, go one way alone for the roles of processes: a row that is over stays over.
-- (A minute more, for a row that ends between its reading and its change.) Refresh tokens of before: the time of a rotation changes with the generation, and a grant that has expired stays so.
CREATE TRIGGER keep_over_times BEFORE UPDATE ON grants FOR EACH ROW WHEN (
    (NEW.rotated_at > OLD.rotated_at OR (OLD.rotated_at IS NULL AND NEW.rotated_at IS NOT NULL)) AND NEW.generation <= OLD.generation
    OR (NEW.expires_at > OLD.expires_at AND (NEW.generation <= OLD.generation OR OLD.expires_at < clock_timestamp() - interval '1 minute'))
) EXECUTE FUNCTION public.keep_over();
-- An invitation lives longer with its next mail, whose link is another one.
CREATE TRIGGER keep_over_times BEFORE UPDATE ON invitations FOR EACH ROW WHEN (
    NEW.expires_at > OLD.expires_at AND NEW.number <= OLD.number
) EXECUTE FUNCTION public.keep_over();
CREATE TRIGGER keep_over_times BEFORE UPDATE ON sessions FOR EACH ROW WHEN (
    NEW.last_seen_at > OLD.last_seen_at AND OLD.last_seen_at < clock_timestamp() - interval '8 hours 1 minute'
) EXECUTE FUNCTION public.keep_over();
CREATE TRIGGER keep_over_times BEFORE UPDATE ON device_codes FOR EACH ROW WHEN (
    NEW.expires_at > OLD.expires_at OR NEW.made_at > OLD.made_at OR (OLD.state <> 'pending' AND NEW.state <> OLD.state)
) EXECUTE FUNCTION public.keep_over();
CREATE TRIGGER keep_over_times BEFORE UPDATE ON signing_keys FOR EACH ROW WHEN (
    OLD.removed_at IS NOT NULL AND (NEW.removed_at IS NULL OR NEW.removed_at > OLD.removed_at)
) EXECUTE FUNCTION public.keep_over();

-- The relay too forgets no assertion and no answer while it is good, and nobody moves one. Answers go with their connection (depth 2).
CREATE FUNCTION public.keep_used() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF public.is_process() AND pg_trigger_depth() = 1 AND (TG_OP = 'UPDATE' OR OLD.expires_at > clock_timestamp()) THEN
        RAISE EXCEPTION 'a row of % is kept while it can be used', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN CASE TG_OP WHEN 'UPDATE' THEN NEW ELSE OLD END;
END $$;
CREATE TRIGGER keep_used BEFORE UPDATE OR DELETE ON client_assertions FOR EACH ROW EXECUTE FUNCTION public.keep_used();
CREATE TRIGGER keep_used BEFORE UPDATE OR DELETE ON saml_replays FOR EACH ROW EXECUTE FUNCTION public.keep_used();

-- --- Proofs of domains -------------------------------------------------------------------------------------------------------------------
-- The text of the DNS record is the organisation's alone: with the text of another one's record its proof would be ours.
ALTER TABLE saml_domains ADD COLUMN claim_seal bytea;
CREATE FUNCTION public.require_claim_seal() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF public.is_process() AND public.seals_come_once() THEN
        RAISE EXCEPTION 'a claim of a domain is stored with its seal' USING ERRCODE = 'insufficient_privilege';
    END IF;
    NEW.claim_seal := NULL;
    RETURN NEW;
END $$;
CREATE FUNCTION public.claim_seal_came() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM public.use_seal(NEW.claim_seal, TG_TABLE_NAME);
    RETURN NULL;
END $$;
CREATE TRIGGER require_claim_insert BEFORE INSERT ON saml_domains FOR EACH ROW WHEN (NEW.claim_seal IS NULL)
EXECUTE FUNCTION public.require_claim_seal();
CREATE TRIGGER require_claim_update BEFORE UPDATE ON saml_domains FOR EACH ROW WHEN (
    (NEW.claim_seal IS NULL OR NEW.claim_seal = OLD.claim_seal)
    AND (NEW.tenant_id, NEW.domain, NEW.token, NEW.claim_seal) IS DISTINCT FROM (OLD.tenant_id, OLD.domain, OLD.token, OLD.claim_seal)
) EXECUTE FUNCTION public.require_claim_seal();
CREATE TRIGGER claim_seal_came_insert AFTER INSERT ON saml_domains FOR EACH ROW WHEN (NEW.claim_seal IS NOT NULL)
EXECUTE FUNCTION public.claim_seal_came();
CREATE TRIGGER claim_seal_came_update AFTER UPDATE ON saml_domains FOR EACH ROW
WHEN (NEW.claim_seal IS NOT NULL AND NEW.claim_seal IS DISTINCT FROM OLD.claim_seal) EXECUTE FUNCTION public.claim_seal_came();
-- A proof has a seal of its own time, and goes with it. Processes of the previous release may prove domains for a day.
CREATE FUNCTION public.keep_proof() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF public.is_process() AND public.seals_come_once() THEN
        RAISE EXCEPTION 'the proof of a domain comes and goes with its seal' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep_proof BEFORE UPDATE ON saml_domains FOR EACH ROW WHEN (
    (OLD.verified_at IS NOT NULL AND NEW.verified_at IS NULL AND NEW.seal IS NOT NULL)
    OR (OLD.verified_at IS NULL AND NEW.verified_at IS NOT NULL AND NEW.seal IS NOT DISTINCT FROM OLD.seal)
) EXECUTE FUNCTION public.keep_proof();
-- The relay looks whether the record is still there.
REVOKE UPDATE ON saml_domains FROM {{app}};
GRANT UPDATE (verified_at, seal, claim_seal) ON saml_domains TO {{app}};

-- --- Passwords -----------------------------------------------------------------------------------------------------------------------------
-- A sealed password is `sealed.<time and random bytes, in hexadecimal>.<ciphertext>` (signin/sealing.py) and comes once as a seal does: the password of
-- before does not come back. By its time and random bytes alone, which are part of the encryption: one ciphertext has several spellings in base64.
CREATE FUNCTION public.password_came() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NEW.password_hash ~ '^sealed\.[0-9a-f]{20}\.' THEN
        PERFORM public.use_seal('\x01'::bytea || decode(split_part(NEW.password_hash, '.', 2) || repeat('00', 32), 'hex'), TG_TABLE_NAME);
    ELSE
        PERFORM public.use_seal('\x00', TG_TABLE_NAME);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER password_came_insert AFTER INSERT ON users FOR EACH ROW WHEN (NEW.password_hash LIKE 'sealed.%')
EXECUTE FUNCTION public.password_came();
CREATE TRIGGER password_came_update AFTER UPDATE ON users FOR EACH ROW
WHEN (NEW.password_hash LIKE 'sealed.%' AND NEW.password_hash IS DISTINCT FROM OLD.password_hash) EXECUTE FUNCTION public.password_came();

-- --- Sandboxes and sessions of identity providers --------------------------------------------------------------------------------------------
-- A sandbox is written in the transaction that makes its tenant, not within a savepoint, so that nobody takes another organisation's.
CREATE FUNCTION public.require_new_tenant() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF public.is_process() AND NOT EXISTS (
        SELECT FROM public.tenants t WHERE t.tenant_id = NEW.sandbox_tenant_id AND t.xmin::text = pg_current_xact_id()::xid::text
    ) THEN
        RAISE EXCEPTION 'a sandbox is made with its tenant' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER require_new_tenant BEFORE INSERT ON sandboxes FOR EACH ROW EXECUTE FUNCTION public.require_new_tenant();
CREATE TRIGGER keep_tenant BEFORE UPDATE ON sandboxes FOR EACH ROW WHEN (
    (NEW.id, NEW.tenant_id, NEW.sandbox_tenant_id) IS DISTINCT FROM (OLD.id, OLD.tenant_id, OLD.sandbox_tenant_id)
) EXECUTE FUNCTION public.keep_over();
-- These rows go with their session.
REVOKE UPDATE, DELETE ON saml_sessions FROM {{app}}, {{worker}};

REVOKE EXECUTE ON FUNCTION public.keep_used(), public.keep_proof(), public.require_claim_seal(), public.claim_seal_came(), public.password_came(), public.require_new_tenant()
    FROM PUBLIC;
