"""SQL of telephony. No statement here reads `credentials_enc`."""

from typing import LiteralString

PROVIDER_COLUMNS: LiteralString = """
    id, name, carrier AS carrier_type, settings AS open_settings, is_default, is_active, version, created_at, updated_at
"""
ROUTE_COLUMNS: LiteralString = """
    id, provider_id, prefix, exact, subaccount, target AS target_subsystem, is_active, version, created_at, updated_at
"""
COUNT_PROVIDERS: LiteralString = "SELECT count(*) FROM telephony_providers WHERE tenant_id = %s"
COUNT_ROUTES: LiteralString = "SELECT count(*) FROM telephony_routes WHERE tenant_id = %s"
PROVIDERS: LiteralString = f"SELECT {PROVIDER_COLUMNS} FROM telephony_providers WHERE tenant_id = %s ORDER BY name"
PROVIDERS_BY_ID: LiteralString = (
    f"SELECT {PROVIDER_COLUMNS} FROM telephony_providers WHERE tenant_id = %s AND id = ANY(%s)"
)
PROVIDER_TO_CHANGE: LiteralString = f"SELECT {PROVIDER_COLUMNS} FROM telephony_providers WHERE id = %s FOR UPDATE"
INSERT_PROVIDER: LiteralString = """
    INSERT INTO telephony_providers (id, tenant_id, name, carrier, settings, credentials_enc, is_default, is_active, version,
        created_at, updated_at)
    VALUES (%(id)s, %(tenant_id)s, %(name)s, %(carrier_type)s, %(settings)s::jsonb, %(credentials)s, %(is_default)s,
        %(is_active)s, 1, now(), now())
"""
UPDATE_PROVIDER: LiteralString = """
    UPDATE telephony_providers SET name = %(name)s, settings = %(settings)s::jsonb,
        credentials_enc = coalesce(%(credentials)s, credentials_enc), is_default = %(is_default)s, is_active = %(is_active)s,
        version = version + 1, updated_at = now()
    WHERE id = %(id)s
"""
# Before the new default is written: the unique index allows one.
STEP_DOWN: LiteralString = """
    UPDATE telephony_providers SET is_default = false, version = version + 1, updated_at = now()
    WHERE tenant_id = %s AND is_default AND id <> %s
"""
DELETE_PROVIDER: LiteralString = "DELETE FROM telephony_providers WHERE id = %s RETURNING id"
ROUTES: LiteralString = f"""
    SELECT {ROUTE_COLUMNS} FROM telephony_routes
    WHERE tenant_id = %s AND (%s::text IS NULL OR provider_id = %s) ORDER BY prefix NULLS LAST, subaccount, id
"""
ROUTES_OF_PROVIDERS: LiteralString = f"""
    SELECT {ROUTE_COLUMNS} FROM telephony_routes WHERE tenant_id = %s AND provider_id = ANY(%s)
    ORDER BY prefix NULLS LAST, subaccount, id
"""
ROUTE_TO_CHANGE: LiteralString = f"SELECT {ROUTE_COLUMNS} FROM telephony_routes WHERE id = %s FOR UPDATE"
RESOLVE: LiteralString = f"""
    SELECT {ROUTE_COLUMNS} FROM telephony_routes
    WHERE tenant_id = %(tenant_id)s AND prefix = ANY(%(beginnings)s) AND (NOT exact OR prefix = %(number)s) AND is_active
      AND provider_id IN (SELECT id FROM telephony_providers WHERE tenant_id = %(tenant_id)s AND is_active)
    ORDER BY length(prefix) DESC, exact DESC LIMIT 1
"""
INSERT_ROUTE: LiteralString = """
    INSERT INTO telephony_routes (id, tenant_id, provider_id, prefix, exact, subaccount, target, is_active, version,
        created_at, updated_at)
    VALUES (%(id)s, %(tenant_id)s, %(provider_id)s, %(prefix)s, %(exact)s, %(subaccount)s, %(target)s, %(is_active)s, 1,
        now(), now())
"""
UPDATE_ROUTE: LiteralString = """
    UPDATE telephony_routes SET provider_id = %(provider_id)s, target = %(target)s, is_active = %(is_active)s,
        version = version + 1, updated_at = now()
    WHERE id = %(id)s
"""
DELETE_ROUTE: LiteralString = "DELETE FROM telephony_routes WHERE id = %s RETURNING id"
