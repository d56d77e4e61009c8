"""The people of organisations, and the audit trails, as the services write them in a week of use."""

from datetime import UTC, datetime, timedelta

from deploy.load.rows import LARGE, SPAN, Rows, Sizes, Step, Table, World, made
from services.auth.people import roles
from services.auth.people.roles import Role
from shared.primitives import ids

AUTH = "auth"
PEOPLE = 500
"""People of each organisation, and as many pending invitations."""
ROLES: tuple[Role, ...] = ("administrator", "integrator", "quality_officer", "auditor")
TRAILS = ("auth", "webhook-dispatcher", "graphql-api", "epcr", "device-ingest", "control-plane")
# Of so many entries one is of another organisation than the large one; so many entries in a row are of one record.
OF_OTHERS, OF_RECORD = 10, 3
# People of an organisation who caused its entries: each has a page of them, also of a small load.
ACTORS = 5
ACTIONS = ("encounter.read", "encounter.changed", "token.issued", "webhook.changed", "device.moved", "audit.read")
# Nobody did these things, and the entries say so.
LOADED = '{"loaded": true}'
# Seals a portion as the relay does, which would otherwise work through all entries afterwards.
SEAL = "SELECT seal_audit(10000), seal_audit(10000)"


def person(world: World, number: int) -> str:
    return ids.id_of("usr", made(world.until - SPAN, number))


def people(world: World) -> Rows:
    """Each is signed in, and has sent an invitation whose mail went out."""
    began, now = world.until - SPAN, datetime.now(UTC)
    for number in range(world.sizes.tenants * PEOPLE):
        id, tenant, role = made(began, number), world.tenant(number // PEOPLE), ROLES[number % len(ROLES)]
        who, invitation = ids.id_of("usr", id), ids.id_of("inv", id)
        sent = world.until - timedelta(days=2)
        yield (
            (who, tenant, f"person-{number}@load.example", f"Load {number}", role, roles.of(role), began),
            (who, tenant, now),
            (ids.id_of("ses", id), tenant, who, id.bytes, now, now, now + timedelta(hours=12), "curl/8", "192.0.2.1"),
            (invitation, tenant, f"invited-{number}@load.example", role, who, sent, now + timedelta(days=5)),
            (ids.id_of("mail", id), tenant, invitation, 1, sent, sent, 1, sent, sent),
        )


def entries(world: World) -> Rows:
    """One entry in the trail of each service, mostly of the large organisation."""
    sizes = world.sizes
    for number in range(sizes.entries):
        at = world.at(number, sizes.entries)
        tenant = 1 + number // OF_OTHERS % (sizes.tenants - 1) if number % OF_OTHERS == 0 else LARGE
        who = person(world, tenant * PEOPLE + number % ACTORS)
        record = ids.id_of("enc", made(world.until - SPAN, number // OF_RECORD))
        action, trace = ACTIONS[number % len(ACTIONS)], f"{number:032x}"
        entry = (made(at, number), world.tenant(tenant), at, world.app(tenant), who, action, record, LOADED, trace)
        yield (entry,) * len(TRAILS)


def steps(sizes: Sizes) -> list[Step]:
    columns = "id, tenant_id, at, client_id, actor, action, subject_id, detail, trace_id"
    return [
        Step("people", sizes.tenants * PEOPLE, (
            Table(AUTH, "users", "user_id, tenant_id, email, name, role, scope_limit, created_at"),
            Table(AUTH, "last_sign_ins", "user_id, tenant_id, at"),
            Table(AUTH, "sessions", "session_id, tenant_id, user_id, token_mac, signed_in_at, last_seen_at, expires_at, user_agent,"
                " address"),
            Table(AUTH, "invitations", "id, tenant_id, email, role, invited_by, created_at, expires_at"),
            Table(AUTH, "invitation_mails", "id, tenant_id, invitation_id, number, queued_at, due_at, attempts, sent_at, done_at"),
        ), people),
        Step("entries of the audit trails", sizes.entries, tuple(Table(name, "audit", columns) for name in TRAILS), entries,
            after=tuple((name, SEAL) for name in TRAILS)),
    ]  # fmt: skip
