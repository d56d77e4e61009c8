-- Apps that are installations already: the audit trail names the installation of each. Without the lock of the change of the table.
UPDATE apps a SET installation_id = t.detail ->> 'installation'
FROM audit t
WHERE t.action = 'app.installed' AND t.tenant_id = a.tenant_id AND t.subject_id = a.client_id;
