-- The apps that fetched encounters before fetches were recorded, from the audit trail. Their bundles held at most the present state, so
-- that a withdrawal may name resources that were never sent. Apps with moved times are left out.
INSERT INTO recipients (encounter_id, identity, client_id, domain, mode, tenant_id, version, revision, forms)
SELECT e.id, 1, a.client_id, coalesce(nullif(p.pseudonym_domain, ''), a.client_id), 'exact', e.tenant_id,
    CASE WHEN bool_or(a.action = 'encounter.export') THEN e.version END, CASE WHEN bool_or(a.action = 'encounter.export') THEN e.revision END,
    CASE WHEN bool_or(a.action = 'encounter.export') THEN '{all}'::text[] ELSE '{}' END
FROM audit a
JOIN encounters e ON e.id = a.subject_id AND e.tenant_id = a.tenant_id AND e.patient_basis IS NOT NULL
LEFT JOIN apps p ON p.tenant_id = a.tenant_id AND p.client_id = a.client_id
WHERE a.action IN ('encounter.create', 'encounter.replay', 'encounter.read', 'encounter.export')
    AND coalesce(p.deidentification, 'exact') = 'exact'
GROUP BY e.id, a.client_id, p.pseudonym_domain
ON CONFLICT DO NOTHING;
