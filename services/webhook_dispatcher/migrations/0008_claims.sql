-- A claim asks this of every delivery it looks at. The usual patterns (`incident.updated`, `incident.*`, `*`) are compared in place, since a
-- function without a subquery becomes part of the statement that calls it; only the others are gone through one by one.
CREATE FUNCTION event_approved_below(name text, patterns text[]) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN EXISTS (SELECT 1 FROM unnest(patterns) AS pattern
        WHERE right(pattern, 2) = '.*' AND starts_with(name, left(pattern, -1)));
GRANT EXECUTE ON FUNCTION event_approved_below(text, text[]) TO {{app}}, {{worker}};
CREATE OR REPLACE FUNCTION event_approved(name text, patterns text[]) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN name = ANY(patterns) OR '*' = ANY(patterns) OR left(name, strpos(name, '.')) || '*' = ANY(patterns)
        OR event_approved_below(name, patterns);

-- Whether an app may be sent an `automation.fired`: approved for what set it off. A function, so that a claim without any opens no partition.
CREATE FUNCTION firing_approved(event_id text, event_at timestamptz, patterns text[]) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
    RETURN EXISTS (SELECT 1 FROM events e WHERE e.id = event_id AND e.at = event_at
        AND event_approved(e.body::jsonb #>> '{data,event_type}', patterns));
GRANT EXECUTE ON FUNCTION firing_approved(text, timestamptz, text[]) TO {{app}}, {{worker}};
