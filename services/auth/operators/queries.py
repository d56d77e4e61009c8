"""SQL of operators. Functions of the database show all tenants, to a transaction of the platform's own tenant alone."""

from typing import LiteralString

TENANTS: LiteralString = "SELECT * FROM tenants_of_all(%(search)s, %(status)s, %(environment)s, %(after)s, %(limit)s)"
ASKER: LiteralString = "SELECT * FROM asker_of_request(%s)"
APP: LiteralString = "SELECT * FROM app_of_all(%s)"
TENANT: LiteralString = "SELECT * FROM tenant_of_all(%s)"
REQUESTS: LiteralString = (
    "SELECT * FROM requests_of_all(%(id)s, %(status)s, %(capability)s, %(tenant_id)s, %(after)s, %(limit)s)"
)
# As the worker's role.
COUNT_PENDING: LiteralString = (
    "SELECT count(*) FROM (SELECT FROM integration_requests WHERE status = 'pending' LIMIT 10000) AS counted"
)
