-- Incidents, their timelines and their numbers.

-- `sandbox`: opened in a sandbox. Only these may be erased.
CREATE TABLE incidents (
    id text PRIMARY KEY,
    tenant_id text NOT NULL,
    number text NOT NULL,
    type text NOT NULL,
    priority text NOT NULL,
    status text NOT NULL,
    latitude numeric(5, 2),
    longitude numeric(5, 2),
    units text[] NOT NULL,
    cad_incident_id text,
    closed_reason text,
    sandbox boolean NOT NULL DEFAULT false,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    closed_at timestamptz,
    UNIQUE (tenant_id, id),
    UNIQUE (tenant_id, number),
    CHECK ((latitude IS NULL) = (longitude IS NULL)),
    CHECK ((status = 'closed') = (closed_reason IS NOT NULL)),
    CHECK ((status = 'closed') = (closed_at IS NOT NULL))
);
CREATE UNIQUE INDEX incidents_cad ON incidents (tenant_id, cad_incident_id) WHERE cad_incident_id IS NOT NULL;
CREATE INDEX incidents_closed ON incidents (closed_at) WHERE closed_at IS NOT NULL;
-- Counts the open incidents of a tenant before each new one, and lists them without reading the closed ones.
CREATE INDEX incidents_open_by_id ON incidents (tenant_id, id) WHERE closed_at IS NULL;
CREATE INDEX incidents_of_sandboxes ON incidents (tenant_id, id) WHERE sandbox;
SELECT tenant_table('incidents'), worker_writes_all('incidents');

CREATE TABLE incident_timeline (
    id uuid PRIMARY KEY,
    tenant_id text NOT NULL,
    incident_id text NOT NULL,
    at timestamptz NOT NULL,
    version integer NOT NULL,
    kind text NOT NULL,
    was text,
    became text,
    FOREIGN KEY (tenant_id, incident_id) REFERENCES incidents (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX incident_timeline_incident ON incident_timeline (tenant_id, incident_id, id);
SELECT tenant_table('incident_timeline');

-- The last number given out in a year; people call incidents by their numbers.
CREATE TABLE incident_numbers (
    tenant_id text NOT NULL,
    year integer NOT NULL,
    last integer NOT NULL,
    PRIMARY KEY (tenant_id, year)
);
SELECT tenant_table('incident_numbers');
