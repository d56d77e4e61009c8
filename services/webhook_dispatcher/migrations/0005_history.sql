-- The books of webhooks, and the work that decisions leave behind.

-- The deliveries of a webhook by the state that they are in, counted for each day (UTC) of their making, so that its books cost the same however
-- many are kept. Test deliveries have no sequence and count nowhere. Triggers count in the transaction of the change itself, whichever process makes it: each
-- statement adds a row to `delivery_changes` for each webhook and day, so that no two transactions wait for each other. The relay adds these rows
-- up into `delivery_counts`. Days whose partition was dropped are not read any more.
CREATE TABLE delivery_counts (
    subscription_id text COLLATE "C" NOT NULL,
    day date NOT NULL,
    tenant_id text NOT NULL,
    delivered bigint NOT NULL,
    pending bigint NOT NULL,
    given_up bigint NOT NULL,
    PRIMARY KEY (subscription_id, day, tenant_id)
) WITH (fillfactor = 50);
CREATE INDEX delivery_counts_by_day ON delivery_counts (day);
SELECT tenant_table('delivery_counts'), worker_writes_all('delivery_counts');

CREATE TABLE delivery_changes (
    subscription_id text COLLATE "C" NOT NULL,
    day date NOT NULL,
    tenant_id text NOT NULL,
    delivered bigint NOT NULL,
    pending bigint NOT NULL,
    given_up bigint NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX delivery_changes_of_webhook ON delivery_changes (subscription_id);
SELECT tenant_table('delivery_changes'), worker_writes_all('delivery_changes');
REVOKE INSERT, UPDATE, DELETE ON delivery_counts, delivery_changes FROM {{app}};

CREATE FUNCTION public.count_deliveries() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO public.delivery_changes (subscription_id, day, tenant_id, delivered, pending, given_up)
        SELECT subscription_id, (at AT TIME ZONE 'UTC')::date, tenant_id, count(*) FILTER (WHERE status = 'succeeded'),
            count(*) FILTER (WHERE status IN ('queued', 'retrying')), count(*) FILTER (WHERE status = 'failed')
        FROM added WHERE sequence IS NOT NULL GROUP BY 1, 2, 3;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO public.delivery_changes (subscription_id, day, tenant_id, delivered, pending, given_up)
        SELECT subscription_id, (at AT TIME ZONE 'UTC')::date, tenant_id, -count(*) FILTER (WHERE status = 'succeeded'),
            -count(*) FILTER (WHERE status IN ('queued', 'retrying')), -count(*) FILTER (WHERE status = 'failed')
        FROM removed WHERE sequence IS NOT NULL GROUP BY 1, 2, 3;
    ELSE
        INSERT INTO public.delivery_changes (subscription_id, day, tenant_id, delivered, pending, given_up)
        SELECT * FROM (
            SELECT subscription_id, (at AT TIME ZONE 'UTC')::date, tenant_id,
                coalesce(sum(sign) FILTER (WHERE status = 'succeeded'), 0) AS delivered,
                coalesce(sum(sign) FILTER (WHERE status IN ('queued', 'retrying')), 0) AS pending,
                coalesce(sum(sign) FILTER (WHERE status = 'failed'), 0) AS given_up
            FROM (
                SELECT subscription_id, at, tenant_id, status, 1 AS sign FROM added WHERE sequence IS NOT NULL
                UNION ALL SELECT subscription_id, at, tenant_id, status, -1 FROM removed WHERE sequence IS NOT NULL
            ) changed GROUP BY 1, 2, 3
        ) summed WHERE delivered <> 0 OR pending <> 0 OR given_up <> 0;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER count_added AFTER INSERT ON deliveries REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION public.count_deliveries();
CREATE TRIGGER count_changed AFTER UPDATE ON deliveries REFERENCING OLD TABLE AS removed NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION public.count_deliveries();
CREATE TRIGGER count_removed AFTER DELETE ON deliveries REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION public.count_deliveries();

-- The rows of the past that a decision leaves to be changed, in portions: `cursor` is how far it has come, `done` how many it has changed.
-- `deleted`: forget the waiting deliveries of a webhook that is gone. `unapproved`: give up those that its app may no longer be sent. `gather`: take
-- back those given up that were made after `created_since` or that failed after `failed_since`.
-- `failures` since its last portion put a chore off, so that the chores behind it have their turn.
CREATE TABLE chores (
    subscription_id text COLLATE "C" NOT NULL,
    kind text NOT NULL CHECK (kind IN ('deleted', 'unapproved', 'gather')),
    tenant_id text NOT NULL,
    created_since timestamptz,
    failed_since timestamptz,
    cursor jsonb NOT NULL DEFAULT '{}',
    done bigint NOT NULL DEFAULT 0,
    failures integer NOT NULL DEFAULT 0,
    begun_at timestamptz NOT NULL DEFAULT now(),
    due_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (subscription_id, kind)
);
CREATE INDEX chores_due ON chores (due_at);
SELECT tenant_table('chores'), worker_writes_all('chores');
