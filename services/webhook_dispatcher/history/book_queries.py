"""The SQL of a webhook's books (books.py)."""

from typing import LiteralString

# Ids are in the order of numbers, except that the clocks of two workers differ a little: the lowest number is among the first 1,000 ids.
# They are compared as rows, so that no plan reads the ids of all webhooks in their order.
READ: LiteralString = """
    WITH parts AS (
        SELECT day, delivered, pending, given_up FROM delivery_counts WHERE subscription_id = %(subscription_id)s
        UNION ALL
        SELECT day, delivered, pending, given_up FROM delivery_changes WHERE subscription_id = %(subscription_id)s
    ), counted AS (
        SELECT coalesce(sum(delivered), 0)::bigint AS delivered, coalesce(sum(pending), 0)::bigint AS pending,
            coalesce(sum(given_up), 0)::bigint AS given_up
        FROM parts WHERE to_regclass('public.deliveries_' || to_char(day, 'YYYYMMDD')) IS NOT NULL
    ), numbered AS MATERIALIZED (
        SELECT (SELECT min(sequence) FROM (
            SELECT sequence FROM deliveries WHERE (subscription_id, id) >= (%(subscription_id)s, 'dlv_')
                AND (subscription_id, id) < (%(subscription_id)s, 'dlv_8')
            ORDER BY subscription_id, id LIMIT 1000) oldest) AS first,
        (SELECT max(sequence) FROM (
            SELECT sequence FROM deliveries WHERE (subscription_id, id) >= (%(subscription_id)s, 'dlv_')
                AND (subscription_id, id) < (%(subscription_id)s, 'dlv_8')
            ORDER BY subscription_id DESC, id DESC LIMIT 1000) newest) AS last
    )
    SELECT coalesce(last - first + 1, 0) AS accepted, delivered, pending, given_up, first AS first_sequence, last AS last_sequence,
        true AS complete
    FROM numbered, counted
"""
# Of a webhook whose oldest days are not counted yet: the newest 100,000 by number. The other 10,000 looked at are those whose ids are not
# in the order of their numbers.
READ_NEWEST: LiteralString = """
    WITH looked AS MATERIALIZED (
        SELECT sequence, status FROM deliveries WHERE subscription_id = %(subscription_id)s AND id >= 'dlv_' AND id < 'dlv_8'
        ORDER BY id DESC LIMIT 110000
    ), kept AS (SELECT count(*) AS number, max(sequence) AS newest FROM looked)
    SELECT coalesce(max(sequence) - min(sequence) + 1, 0) AS accepted, count(*) FILTER (WHERE status = 'succeeded') AS delivered,
        count(*) FILTER (WHERE status IN ('queued', 'retrying')) AS pending,
        count(*) FILTER (WHERE status = 'failed') AS given_up, min(sequence) AS first_sequence, max(sequence) AS last_sequence,
        count(sequence) = max(number) AS complete
    FROM kept LEFT JOIN looked ON sequence > newest - 100000
"""
# One transaction takes changes away and adds them to the counts, so that a reader sees each exactly once. Those of deliveries
# from before these had limits (0122), which the counts cannot hold, go into no books.
ADD_UP: LiteralString = """
    WITH taken AS (
        DELETE FROM delivery_changes WHERE ctid = ANY(ARRAY(
            SELECT ctid FROM delivery_changes ORDER BY subscription_id LIMIT %(portion)s))
        RETURNING subscription_id, day, tenant_id, delivered, pending, given_up
    ), added AS (
        INSERT INTO delivery_counts AS kept (subscription_id, day, tenant_id, delivered, pending, given_up)
        SELECT subscription_id, day, tenant_id, sum(delivered), sum(pending), sum(given_up) FROM taken
        WHERE octet_length(subscription_id) <= 256 AND octet_length(tenant_id) <= 1024 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
        ON CONFLICT (subscription_id, day, tenant_id) DO UPDATE SET delivered = kept.delivered + excluded.delivered,
            pending = kept.pending + excluded.pending, given_up = kept.given_up + excluded.given_up
    )
    SELECT count(*) FROM taken
"""
_OLDEST: LiteralString = """
    (SELECT to_date(right(min(c.relname::text COLLATE "C"), 8), 'YYYYMMDD') FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'deliveries'::regclass AND c.relname ~ '_[0-9]{8}$')
"""
FORGET: LiteralString = (
    "DELETE FROM delivery_counts WHERE ctid = ANY(ARRAY(SELECT ctid FROM delivery_counts WHERE day < "
    + _OLDEST
    + " ORDER BY day LIMIT %(portion)s))"
)
UNCOUNTED: LiteralString = """
    SELECT id FROM subscriptions WHERE counted_from IS NOT NULL AND id > %(after)s ORDER BY id LIMIT 1
"""
# The day before those that are counted: its rows, less those that triggers have counted meanwhile. One statement sees one state of both, so
# that a change which commits beside it is counted once, by its trigger. Web processes may write `counted_from`: no value of it takes many
# steps.
COUNT_DAY: LiteralString = (
    """
    WITH webhook AS MATERIALIZED (
        SELECT id, tenant_id, greatest(least(counted_from, today + 9), today - 4000) - 1 AS day
        FROM subscriptions, (SELECT (now() AT TIME ZONE 'UTC')::date AS today) AS clock WHERE id = %(id)s AND counted_from IS NOT NULL
    ), rows AS (
        SELECT count(*) FILTER (WHERE status = 'succeeded') AS delivered,
            count(*) FILTER (WHERE status IN ('queued', 'retrying')) AS pending, count(*) FILTER (WHERE status = 'failed') AS given_up
        FROM deliveries WHERE subscription_id = %(id)s AND id >= 'dlv_' AND id < 'dlv_8' AND sequence IS NOT NULL
            AND at >= (SELECT day::timestamp AT TIME ZONE 'UTC' FROM webhook)
            AND at < (SELECT (day + 1)::timestamp AT TIME ZONE 'UTC' FROM webhook)
    ), known AS (
        SELECT coalesce(sum(delivered), 0) AS delivered, coalesce(sum(pending), 0) AS pending, coalesce(sum(given_up), 0) AS given_up
        FROM (
            SELECT day, delivered, pending, given_up FROM delivery_counts WHERE subscription_id = %(id)s
            UNION ALL SELECT day, delivered, pending, given_up FROM delivery_changes WHERE subscription_id = %(id)s
        ) parts WHERE day = (SELECT day FROM webhook)
    ), corrected AS (
        INSERT INTO delivery_changes (subscription_id, day, tenant_id, delivered, pending, given_up)
        SELECT webhook.id, webhook.day, webhook.tenant_id, rows.delivered - known.delivered, rows.pending - known.pending,
            rows.given_up - known.given_up
        FROM webhook, rows, known
        WHERE (rows.delivered, rows.pending, rows.given_up) <> (known.delivered, known.pending, known.given_up)
    )
    UPDATE subscriptions s SET counted_from = CASE WHEN webhook.day > """
    + _OLDEST
    + """ THEN webhook.day END
    FROM webhook WHERE s.id = webhook.id RETURNING s.counted_from IS NOT NULL
"""
)
