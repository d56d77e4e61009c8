-- The incidents that were opened in a sandbox: only these may be erased. Beside `incidents`, of which the release before reads every column.
CREATE TABLE incidents_of_sandboxes (
    tenant_id text NOT NULL,
    incident_id text NOT NULL,
    PRIMARY KEY (tenant_id, incident_id),
    FOREIGN KEY (tenant_id, incident_id) REFERENCES incidents (tenant_id, id) ON DELETE CASCADE
);
SELECT tenant_table('incidents_of_sandboxes');
REVOKE UPDATE, DELETE ON incidents_of_sandboxes FROM {{app}};
