-- The programs that fetch events in place of webhooks.

-- Named readers of an app. `at` and `position` are the last place that is committed. A read that hands events out begins a lease: until it ends, or all
-- of it is committed, no other read gets any. `lease` is the number of the newest; `handed` is the last position that it handed out.
-- Numbers of leases begin at a time, so that a consumer that is deleted and made again takes no commit of the former one.
-- `reader` is the program that holds the lease, by a name of its own: the same program gets its events again at once, as after an answer that was lost.
CREATE TABLE consumers (
    tenant_id text NOT NULL,
    client_id text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    event_types text[],
    at timestamptz NOT NULL,
    position bigint NOT NULL,
    lease bigint NOT NULL DEFAULT (extract(epoch FROM clock_timestamp()) * 1000)::bigint,
    lease_seconds integer NOT NULL DEFAULT 60,
    leased_until timestamptz,
    reader text,
    handed bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    read_at timestamptz,
    committed_at timestamptz,
    PRIMARY KEY (tenant_id, client_id, name),
    CONSTRAINT texts_are_short CHECK (octet_length(client_id) <= 256 AND octet_length(name) <= 64),
    CONSTRAINT readers_are_short CHECK (octet_length(reader) <= 64)
) WITH (fillfactor = 50);
SELECT tenant_table('consumers'), worker_writes_all('consumers');
