-- How far an advance of a sandbox's clock has come: its number, the next portion, and the place of the last delivery that was looked at.
CREATE TABLE sandbox_clocks (
    tenant_id text PRIMARY KEY,
    number bigint NOT NULL,
    portion integer NOT NULL,
    subscription_id text COLLATE "C" NOT NULL,
    sequence bigint NOT NULL,
    is_done boolean NOT NULL
);
SELECT tenant_table('sandbox_clocks'), worker_writes_all('sandbox_clocks');
REVOKE INSERT, UPDATE, DELETE ON sandbox_clocks FROM {{app}};
