-- The check of the trail has two places, so that new entries wait for no pass over the old ones: `head` is how far new entries are compared, `place`
-- that of the pass over all entries, and `passed_at` when a pass last ended. The columns of the last check are the head's. `fault` is one of the two.
-- A relay of the release before knows nothing of the new columns: while it runs, a pass of more than a day may begin anew.
ALTER TABLE audit_checks ADD COLUMN head jsonb, ADD COLUMN passed_at timestamptz, ADD COLUMN new_fault text, ADD COLUMN old_fault text;

-- The head goes on where the check was last at the end of the chain, and where it never was, with the pass. The number of entries is the planner's: it
-- sets the pace of passes alone, and counting takes long. After a fault the pass goes on, so that it finds it again or ends it.
UPDATE audit_checks SET passed_at = CASE WHEN fault IS NULL THEN checked_at END, old_fault = fault,
    head = CASE WHEN checked_at IS NULL THEN place ELSE jsonb_build_object(
        'seals', coalesce((SELECT max(position) FROM audit_seals), 0),
        'seals_hash', coalesce((SELECT encode(hash, 'hex') FROM audit_seals ORDER BY position DESC LIMIT 1), ''),
        'batches', checked_position,
        'hash', encode(checked_hash, 'hex'),
        'entries', (SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = 'public.audit_leaves'::regclass),
        'after', coalesce((SELECT audit_id FROM audit_leaves WHERE batch = checked_position ORDER BY audit_id LIMIT 1),
            '00000000-0000-0000-0000-000000000000')
    ) END;
