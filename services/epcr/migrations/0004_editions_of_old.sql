-- The same for what is there. A version that left a finished encounter's status as it was has changed its record.
UPDATE encounters SET shuffled = gen_random_uuid() WHERE shuffled IS NULL;
CREATE UNIQUE INDEX encounters_shuffled ON encounters (tenant_id, shuffled);
UPDATE encounter_versions v SET amended = judged.amended FROM (
    SELECT encounter_id, version, bool_or(changed) OVER (PARTITION BY encounter_id ORDER BY version) AS amended FROM (
        SELECT encounter_id, version, coalesce(
            status IN ('completed', 'handed_over') AND status = lag(status) OVER (PARTITION BY encounter_id ORDER BY version), false) AS changed
        FROM encounter_versions) AS compared
) AS judged
WHERE v.amended IS NULL AND v.encounter_id = judged.encounter_id AND v.version = judged.version;
