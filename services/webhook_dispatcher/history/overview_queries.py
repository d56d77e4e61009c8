"""The SQL of the deliveries of all webhooks of an app or an organisation. Tests are not among them."""

from typing import LiteralString

from services.webhook_dispatcher.history.queries import COLUMNS, JOINED

COUNT_WEBHOOKS: LiteralString = """
    SELECT count(*) FROM subscriptions s WHERE s.tenant_id = current_tenant() AND (%(everyone)s::boolean OR s.client_id = %(client_id)s)
        AND (%(webhook_id)s::text IS NULL OR s.id = %(webhook_id)s)
"""
# In one window of time, so that few partitions are opened for each webhook.
_IN_WINDOW: LiteralString = """
    AND d.at >= %(oldest_at)s::timestamptz AND d.at < %(newest_at)s::timestamptz
    AND d.id >= 'dlv_' || %(oldest)s::text AND d.id < 'dlv_' || %(newest)s::text
"""
_OF_WINDOW: LiteralString = (
    "SELECT d.id, d.at, d.status, d.event_type, d.attempted_at FROM deliveries d WHERE d.subscription_id = s.id"
    + _IN_WINDOW
)
_OF_APPS: LiteralString = """
    WHERE s.tenant_id = current_tenant() AND (%(everyone)s::boolean OR s.client_id = %(client_id)s)
        AND (%(webhook_id)s::text IS NULL OR s.id = %(webhook_id)s)
"""
FITS: LiteralString = """
    (%(status)s::text IS NULL OR one.status = %(status)s) AND (%(event_type)s::text IS NULL OR one.event_type = %(event_type)s)
"""
ANSWERED: LiteralString = """
    AND (%(trace_id)s::text IS NULL OR a.trace_id = %(trace_id)s)
    AND (%(response)s::text IS NULL OR CASE %(response)s WHEN 'none' THEN one.attempted_at IS NOT NULL AND a.response_status IS NULL
        ELSE a.response_status / 100 || 'xx' = %(response)s END)
"""
_ANSWER: LiteralString = " LEFT JOIN attempts a ON a.delivery_id = one.id AND a.at = one.attempted_at "
_DETAILS: LiteralString = (
    " ORDER BY id DESC LIMIT %(limit)s) page JOIN deliveries d ON d.id = page.id AND d.at = page.at"
    + " JOIN subscriptions s ON s.id = d.subscription_id "
    + JOINED
    + " ORDER BY d.id DESC"
)
_SHOWN: LiteralString = "SELECT s.id AS webhook_id, s.client_id, " + COLUMNS.replace("%(held)s", "s.held")
_EACH: LiteralString = _SHOWN + " FROM (SELECT found.* FROM subscriptions s CROSS JOIN LATERAL ("
_NEWEST: LiteralString = " ORDER BY d.id DESC LIMIT "
# A webhook is on the page only if its newest delivery is among so many newest ones: of the others no further row is read.
LIST_OF_APPS: LiteralString = (
    (_SHOWN + " FROM (SELECT found.id, found.at FROM (SELECT s.id FROM subscriptions s CROSS JOIN LATERAL (")
    + (_OF_WINDOW + _NEWEST + "1) newest" + _OF_APPS + " ORDER BY newest.id DESC LIMIT %(limit)s) s")
    + (" CROSS JOIN LATERAL (" + _OF_WINDOW + _NEWEST + "%(limit)s) found" + _DETAILS)
)
# With a filter a call looks at the newest `looked` of each webhook, or of its troubled ones.
_BEGIN: LiteralString = _EACH + "SELECT one.id, one.at FROM ("
_LOOKED: LiteralString = " ORDER BY d.id DESC LIMIT %(looked)s) one"
_TROUBLED: LiteralString = " AND d.troubled"
_FIRST: LiteralString = " ORDER BY one.id DESC LIMIT %(limit)s) found"
LIST_FITTING: LiteralString = _BEGIN + _OF_WINDOW + _LOOKED + " WHERE " + FITS + _FIRST + _OF_APPS + _DETAILS
LIST_TROUBLED: LiteralString = (
    _BEGIN + _OF_WINDOW + _TROUBLED + _LOOKED + " WHERE " + FITS + _FIRST + _OF_APPS + _DETAILS
)
LIST_ANSWERED: LiteralString = (
    _BEGIN + _OF_WINDOW + _LOOKED + _ANSWER + " WHERE " + FITS + ANSWERED + _FIRST + _OF_APPS + _DETAILS
)
LIST_TROUBLED_ANSWERED: LiteralString = (
    _BEGIN + _OF_WINDOW + _TROUBLED + _LOOKED + _ANSWER + " WHERE " + FITS + ANSWERED + _FIRST + _OF_APPS + _DETAILS
)
# The newest place up to which a webhook was not looked through.
_LAST: LiteralString = (
    'SELECT max(right(found.id, 26) COLLATE "C") FROM subscriptions s CROSS JOIN LATERAL (' + _OF_WINDOW
)
_PLACE: LiteralString = " ORDER BY d.id DESC OFFSET %(looked)s - 1 LIMIT 1) found"
REACHED: LiteralString = _LAST + _PLACE + _OF_APPS
REACHED_TROUBLED: LiteralString = _LAST + _TROUBLED + _PLACE + _OF_APPS
# Where there are many webhooks: the newest troubled ones of the organisation, of which those that do not fit are passed over.
_OF_TENANT: LiteralString = " FROM deliveries d WHERE d.tenant_id = current_tenant() AND d.troubled" + _IN_WINDOW
_WALK: LiteralString = (
    _SHOWN
    + " FROM (SELECT one.id, one.at FROM (SELECT d.id, d.at, d.status, d.event_type, d.attempted_at, d.subscription_id"
) + (_OF_TENANT + _NEWEST + "10000) one JOIN subscriptions s ON s.id = one.subscription_id")
WALK_TROUBLED: LiteralString = _WALK + _OF_APPS + " AND " + FITS + _DETAILS
WALK_TROUBLED_ANSWERED: LiteralString = _WALK + _ANSWER + _OF_APPS + " AND " + FITS + ANSWERED + _DETAILS
REACHED_WALKING: LiteralString = (
    'SELECT right(looked.id, 26) COLLATE "C" FROM (SELECT d.id'
    + _OF_TENANT
    + " ORDER BY d.id DESC OFFSET 9999 LIMIT 1) looked"
)
# An event has at most one delivery for each webhook: all of them are looked at.
LIST_OF_EVENT: LiteralString = (
    _SHOWN
    + """ FROM (SELECT one.id, one.at FROM deliveries one JOIN subscriptions s ON s.id = one.subscription_id """
    + _ANSWER
    + _OF_APPS
    + """ AND one.event_id = %(event_id)s AND one.id >= 'dlv_' || %(oldest)s::text AND one.id < 'dlv_' || %(newest)s::text AND """
    + FITS
    + ANSWERED
    + _DETAILS
)
