-- A session with the role of web processes can keep any lock: of a table from which the role deletes, of rows that it changes, advisory ones. Time-outs
-- are settings of the session, which it can undo. The relay ends such a session while workers wait for it, or when its transaction is too old for a
-- web process. After ten within a minute, the database takes no new session of the role until a minute has passed without one to end.
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

-- `ended` are the sessions that this call ended, as process id and reason; `lately` is how many were within a minute; `is_open` whether the role may
-- connect, `is_able` whether the owner may end its sessions.
CREATE FUNCTION public.end_sessions_in_the_way(OUT ended text[], OUT lately integer, OUT is_open boolean, OUT is_able boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    web CONSTANT oid := '{{app}}'::regrole;
    patience interval := '3 seconds';
    eldest interval := '60 seconds';
    pids integer[];
    beginnings timestamptz[];
    reasons text[];
BEGIN
    ended := '{}';
    is_able := pg_has_role(web, 'USAGE');
    is_open := has_database_privilege(web, current_database(), 'CONNECT');
    SELECT count(*) INTO lately FROM public.ended_sessions e WHERE e.ended_at > clock_timestamp() - interval '1 minute';
    -- One session may be an honest one that went wrong. After it, those that come next are not waited for so long.
    IF lately > 0 THEN
        patience := '300 milliseconds';
        eldest := '5 seconds';
    END IF;
    IF is_able THEN
        -- Those that wait for another web session's lock are in the way too, in its queue, but may be honest: they are ended only after others were.
        -- A session that waits for the disk, or for a standby, cannot help it.
        WITH RECURSIVE waiting AS MATERIALIZED (
            SELECT DISTINCT l.pid FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
            WHERE NOT l.granted AND l.waitstart < clock_timestamp() - patience
                AND a.datname = current_database() AND a.usesysid = '{{worker}}'::regrole
        ), chain (pid) AS (
            SELECT b.pid FROM waiting w, unnest(pg_blocking_pids(w.pid)) AS b (pid)
            UNION
            SELECT b.pid FROM chain c, unnest(pg_blocking_pids(c.pid)) AS b (pid)
        ), chosen AS (
            SELECT a.pid, a.backend_start, CASE WHEN c.pid IS NULL THEN 'too old' ELSE 'in the way' END AS reason
            FROM pg_stat_activity a LEFT JOIN chain c ON c.pid = a.pid
            WHERE a.datname = current_database() AND a.usesysid = web
                AND coalesce(a.wait_event_type, '') NOT IN ('IO', 'LWLock') AND coalesce(a.wait_event, '') <> 'SyncRep'
                AND (c.pid IS NOT NULL AND (lately > 0 OR a.wait_event_type IS DISTINCT FROM 'Lock' OR a.xact_start < clock_timestamp() - interval '10 seconds')
                    OR a.xact_start < clock_timestamp() - CASE WHEN a.backend_xid IS NULL THEN interval '60 seconds' ELSE eldest END)
            ORDER BY a.xact_start LIMIT 100
        )
        SELECT array_agg(pid), array_agg(backend_start), array_agg(reason) INTO pids, beginnings, reasons FROM chosen;
    END IF;
    IF pids IS NULL AND (is_open OR lately > 0) THEN
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
    DELETE FROM public.ended_sessions e WHERE e.ended_at < clock_timestamp() - interval '1 hour';
    SELECT count(*) INTO lately FROM public.ended_sessions e WHERE e.ended_at > clock_timestamp() - interval '1 minute';
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
