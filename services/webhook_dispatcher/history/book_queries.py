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
# One transaction takes changes away and adds them to the counts, so that a reader sees each exactly once.
ADD_UP: LiteralString = """
    WITH taken AS (
        DELETE FROM delivery_changes WHERE ctid = ANY(ARRAY(
            SELECT ctid FROM delivery_changes ORDER BY subscription_id LIMIT %(portion)s))
        RETURNING subscription_id, day, tenant_id, delivered, pending, given_up
    ), added AS (
        INSERT INTO delivery_counts AS kept (subscription_id, day, tenant_id, delivered, pending, given_up)
        SELECT subscription_id, day, tenant_id, sum(delivered), sum(pending), sum(given_up) FROM taken
        GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
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
