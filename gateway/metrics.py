"""The gateway's metrics other than those of requests. Labels are reasons and upstreams, never an id."""

from prometheus_client import Counter, Gauge

token_failures = Counter("gateway_token_failures_total", "Requests whose token was refused", ["reason"])
refusals = Counter("gateway_refusals_total", "Requests the gateway refused before any service", ["status", "reason"])
upstream_failures = Counter(
    "gateway_upstream_failures_total", "Exchanges with a service that failed", ["upstream", "kind"]
)
upstream_retries = Counter("gateway_upstream_retries_total", "Requests sent a second time", ["upstream"])
upstream_active = Gauge("gateway_upstream_active", "Exchanges in flight", ["upstream"])
places = Gauge("gateway_upstream_places", "Places at a service, by what becomes of them", ["upstream", "state"])
places_largest = Gauge(
    "gateway_upstream_places_largest", "Places that one tenant holds, the largest of them", ["upstream"]
)
places_refused = Counter(
    "gateway_upstream_places_refused_total", "Requests that found no place", ["upstream", "reason"]
)
connections = Gauge("gateway_client_connections", "Open connections of clients")
jwks_fetches = Counter("gateway_jwks_fetches_total", "Fetches of the issuer's keys", ["outcome"])
jwks_age = Gauge("gateway_jwks_age_seconds", "Since the issuer's keys were last fetched; infinite until they are")
revocations_age = Gauge(
    "gateway_revocations_age_seconds", "Since the revocations were last confirmed by auth; infinite until they are"
)
revocations_listed = Gauge("gateway_revocations_listed", "Watermarks of single tokens and grants that are held")
revocations_filled = Gauge(
    "gateway_revocations_filled_ratio",
    "Watermarks held, to the most that are; beyond, the tenant with the most is refused whole",
)
clock_offset = Gauge("gateway_clock_offset_seconds", "By how much this gateway's clock is ahead of auth's, to a second")
exchanges = Counter("gateway_identity_exchanges_total", "Identities exchanged for one of another service", ["outcome"])
refused_calls_dropped = Counter(
    "gateway_refused_calls_dropped_total", "Refused calls that were not counted for their app, for want of room"
)
limited = Counter("gateway_limited_total", "Requests over their rate limit", ["limit"])
refused_bytes = Counter(
    "gateway_refused_bytes_total", "Bytes of bodies that services refused, charged to their senders"
)
passes = Counter("gateway_passes_total", "Passes of browsers that were checked, or were too many to be", ["outcome"])
limits_swept = Counter("gateway_limits_swept_total", "Counts removed from Redis that nobody needed any more")
limits_synced = Gauge("gateway_limits_synchronised", "1 while rate limits are shared through Redis")
