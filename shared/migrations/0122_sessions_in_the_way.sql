-- A session with the role of web processes can keep any lock: of a table from which the role deletes, of rows that it changes, advisory ones. Time-outs
-- are settings of the session, which it can undo. The relay ends such a session while workers wait for it, or when its transaction is too old for a
-- web process. After ten within a minute, the database takes no new session of the role until a minute has passed without one to end.
--
-- A session with a lock that a worker wants may ask for one that the worker has. PostgreSQL ends the one that notices the deadlock first, so a worker's role waits
-- longer for it than the web processes' (`ALTER ROLE {{worker}} SET deadlock_timeout = '4s'` by a superuser), and a session that is in one with a worker for two seconds is ended.
--
-- pg_terminate_backend asks for the rights of the role whose session it ends: the owner is a member of it (`GRANT {{app}} TO …` by a superuser).
CREATE TABLE ended_sessions (
    pid integer NOT NULL,
    began_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (pid, began_at)
);
CREATE INDEX ended_sessions_by_time ON ended_sessions (ended_at);
GRANT SELECT ON ended_sessions TO {{worker}};

-- Since when a session has been in the way of one wait of a worker, with the lock or in its queue. Many sessions that have a lock in turns, each for a
-- moment, keep a worker waiting for long, and none of them is at fault.
CREATE TABLE sessions_in_the_way (
    pid integer NOT NULL,
    began_at timestamptz NOT NULL,
    waiter integer NOT NULL,
    waits_since timestamptz NOT NULL,
    holds boolean NOT NULL,
    seen_at timestamptz NOT NULL,
    PRIMARY KEY (pid, began_at, waiter, waits_since, holds)
);

-- `ended` are the sessions that this call ended, as process id and reason; `lately` is how many were within a minute; `is_open` whether the role may
-- connect, `is_able` whether the owner may end its sessions.
CREATE FUNCTION public.end_sessions_in_the_way(OUT ended text[], OUT lately integer, OUT is_open boolean, OUT is_able boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    web CONSTANT oid := '{{app}}'::regrole;
    patience interval := '1.9 seconds';
    eldest interval := '60 seconds';
    is_seen boolean := false;
    pids integer[];
    beginnings timestamptz[];
    reasons text[];
BEGIN
    ended := '{}';
    is_able := pg_has_role(web, 'USAGE');
    is_open := has_database_privilege(web, current_database(), 'CONNECT');
    -- Those in a queue may be honest, and do not count.
    SELECT count(*) INTO lately FROM public.ended_sessions e
    WHERE e.ended_at > clock_timestamp() - interval '1 minute' AND e.reason <> 'in the queue';
    -- One session may be an honest one that went wrong. Of ten, most are not.
    IF NOT is_open THEN
        patience := '0.2 seconds';
        eldest := '5 seconds';
    ELSIF lately > 0 THEN
        patience := '0.9 seconds';
    END IF;
    IF is_able THEN
        WITH RECURSIVE waiting AS MATERIALIZED (
            SELECT DISTINCT l.pid, l.waitstart FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
            WHERE NOT l.granted AND l.waitstart < clock_timestamp() - interval '0.2 seconds'
                AND a.datname = current_database() AND a.usesysid = '{{worker}}'::regrole
        ), chain (waiter, waits_since, pid) AS (
            SELECT w.pid, w.waitstart, b.pid FROM waiting w, unnest(pg_blocking_pids(w.pid)) AS b (pid)
            UNION
            SELECT c.waiter, c.waits_since, b.pid FROM chain c, unnest(pg_blocking_pids(c.pid)) AS b (pid)
        ), noted AS (
            INSERT INTO public.sessions_in_the_way
            SELECT a.pid, a.backend_start, c.waiter, c.waits_since,
                -- One that waits for the very worker that waits for it is no honest one in a queue.
                a.wait_event_type IS DISTINCT FROM 'Lock' OR a.xact_start < clock_timestamp() - interval '10 seconds'
                    OR c.waiter = ANY (pg_blocking_pids(a.pid)), clock_timestamp()
            FROM chain c JOIN pg_stat_activity a ON a.pid = c.pid WHERE a.datname = current_database() AND a.usesysid = web
            LIMIT 10000 ON CONFLICT DO NOTHING RETURNING true
        ), in_the_way AS (
            SELECT s.pid, s.began_at, bool_or(s.holds) AS holds, min(s.seen_at) AS since FROM public.sessions_in_the_way s
                JOIN chain c ON c.pid = s.pid AND c.waiter = s.waiter AND c.waits_since = s.waits_since
            WHERE s.seen_at < clock_timestamp() - patience AND (s.holds OR lately > 0) GROUP BY 1, 2
        ), chosen AS (
            SELECT a.pid, a.backend_start, CASE WHEN w.holds THEN 'in the way' WHEN w.pid IS NOT NULL THEN 'in the queue' ELSE 'too old' END AS reason
            FROM pg_stat_activity a LEFT JOIN in_the_way w ON w.pid = a.pid AND w.began_at = a.backend_start
            WHERE a.datname = current_database() AND a.usesysid = web
                -- A session that waits for the disk, or for a standby, cannot help it. One that keeps its lock over many commits waits for them by choice.
                AND (coalesce(a.wait_event_type, '') NOT IN ('IO', 'LWLock') AND coalesce(a.wait_event, '') <> 'SyncRep'
                    OR a.xact_start > w.since)
                AND (w.pid IS NOT NULL
                    OR a.xact_start < clock_timestamp() - CASE WHEN a.backend_xid IS NULL THEN interval '60 seconds' ELSE eldest END)
            ORDER BY a.xact_start LIMIT 100
        )
        SELECT array_agg(pid), array_agg(backend_start), array_agg(reason), (SELECT count(*) > 0 FROM noted)
        INTO pids, beginnings, reasons, is_seen FROM chosen;
    END IF;
    IF pids IS NULL AND NOT is_seen AND (is_open OR lately > 0) THEN
        RETURN;
    END IF;
    -- No role of a process has a right with which it could keep this lock.
    LOCK TABLE public.ended_sessions IN SHARE ROW EXCLUSIVE MODE;
    FOR each IN 1 .. coalesce(cardinality(pids), 0) LOOP
        IF pg_terminate_backend(pids[each]) THEN
            INSERT INTO public.ended_sessions VALUES (pids[each], beginnings[each], clock_timestamp(), reasons[each]) ON CONFLICT DO NOTHING;
            IF FOUND THEN
                ended := ended || format('%s: %s', pids[each], reasons[each]);
            END IF;
        END IF;
    END LOOP;
    DELETE FROM public.sessions_in_the_way s WHERE s.seen_at < clock_timestamp() - interval '1 minute';
    DELETE FROM public.ended_sessions e WHERE e.ended_at < clock_timestamp() - interval '1 hour';
    SELECT count(*) INTO lately FROM public.ended_sessions e
    WHERE e.ended_at > clock_timestamp() - interval '1 minute' AND e.reason <> 'in the queue';
    is_open := has_database_privilege(web, current_database(), 'CONNECT');
    IF is_open AND lately >= 10 THEN
        EXECUTE format('REVOKE CONNECT ON DATABASE %I FROM {{app}}', current_database());
        is_open := false;
    ELSIF NOT is_open AND lately = 0 THEN
        EXECUTE format('GRANT CONNECT ON DATABASE %I TO {{app}}', current_database());
        is_open := true;
    END IF;
END $$;
REVOKE EXECUTE ON FUNCTION public.end_sessions_in_the_way() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.end_sessions_in_the_way() TO {{worker}};
