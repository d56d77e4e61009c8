"""A role of auth's database, in strange hands, invites nobody to another organisation or to more rights."""

import time
from collections.abc import Iterator

import pytest

from shared.primitives.ids import new_id
from tests.auth.forging import ROLES, SEALS, forge
from tests.auth.people_support import Organisation, accept, link_of
from tests.auth.people_support import post as send
from tests.auth.support import Auth, Browser
from tests.support.mail_sink import Sink


@pytest.fixture(autouse=True)
def _idle(auth: Auth) -> Iterator[None]:
    """Without mail of tests before."""
    auth.sql("DELETE FROM invitation_mails")
    yield
    auth.sql("DELETE FROM invitation_mails")


def role_of(auth: Auth, email: str) -> list[tuple[str, str]]:
    return auth.sql("SELECT tenant_id, role FROM users WHERE email = %s", email)


@ROLES
@SEALS
@pytest.mark.parametrize("change", ["role = 'administrator'", "tenant_id = %(victim)s", "email = %(other)s"])
@pytest.mark.parametrize("when", ["before its mail", "after its mail"])
def test_an_invitation_that_was_changed_opens_no_account(
    auth: Auth, sink: Sink, role: str, seal: str, change: str, when: str
) -> None:
    mine, victim, email = Organisation(auth), Organisation(auth), f"me{time.time_ns()}@new.example"
    made = mine.invite(email, "auditor").json()
    values = {"victim": victim.tenant_id, "other": f"x{email}", "id": made["id"]}
    if when == "after its mail":
        assert send(auth, sink) == 1
    for tenant_id in (mine.tenant_id, ""):
        if tenant_id or role == "worker":
            forge(auth, role, tenant_id, f"UPDATE invitations SET {change}{seal} WHERE id = %(id)s", **values)
    if when == "before its mail":
        send(auth, sink)
    for address in (email, f"x{email}"):
        if any(address == one["To"] for one in sink.mails):
            accept(Browser(auth), link_of(sink, address))
    assert role_of(auth, email) in ([], [(mine.tenant_id, "auditor")])
    assert role_of(auth, f"x{email}") == []


@ROLES
@pytest.mark.parametrize("copied", ["seal", "NULL", "'\\x01'"])
def test_an_invitation_that_nobody_made_is_not_sent(auth: Auth, sink: Sink, role: str, copied: str) -> None:
    """To the attacker's address, as an administrator of another organisation."""
    mine, victim, email = Organisation(auth), Organisation(auth), f"me{time.time_ns()}@new.example"
    own = mine.invite(f"own{email}", "auditor").json()
    statement = f"""
        WITH made AS (
            INSERT INTO invitations (id, tenant_id, email, role, invited_by, expires_at, seal)
            SELECT %(id)s, %(victim)s, %(email)s, 'administrator', 'usr_x', now() + interval '1 day', {copied.replace("seal", "%(seal)s")}
            RETURNING id)
        INSERT INTO invitation_mails (id, tenant_id, invitation_id, number) VALUES (%(mail)s, %(victim)s, %(id)s, 1)
    """
    [(seal,)] = auth.sql("SELECT seal FROM invitations WHERE id = %s", own["id"])
    values = {"id": new_id("inv"), "victim": victim.tenant_id, "email": email, "mail": new_id("mail"), "seal": seal}
    forge(auth, role, victim.tenant_id, statement, **values)
    send(auth, sink)
    assert email not in [one["To"] for one in sink.mails]
    assert role_of(auth, email) == []


@ROLES
@SEALS
def test_the_link_of_one_invitation_opens_no_other(auth: Auth, sink: Sink, role: str, seal: str) -> None:
    """The attacker's own link, moved to an invitation of somebody else."""
    mine, victim, email = Organisation(auth), Organisation(auth), f"me{time.time_ns()}@new.example"
    own = mine.invite(f"own{email}", "auditor").json()
    assert send(auth, sink) == 1
    link = link_of(sink, f"own{email}")
    target = victim.invite(f"them{email}", "administrator").json()
    [(mac,)] = auth.sql("SELECT token_mac FROM invitations WHERE id = %s", own["id"])
    forge(auth, role, mine.tenant_id, f"UPDATE invitations SET token_mac = NULL{seal} WHERE id = %s", own["id"])
    forge(auth, role, victim.tenant_id, f"UPDATE invitations SET token_mac = %s{seal} WHERE id = %s", mac, target["id"])
    forge(auth, role, victim.tenant_id, "UPDATE invitations SET token_mac = %s WHERE id = %s", mac, target["id"])
    is_moved = auth.sql("SELECT token_mac FROM invitations WHERE id = %s", own["id"]) != [(mac,)]
    assert accept(Browser(auth), link).status_code == (410 if is_moved else 200)
    assert role_of(auth, f"them{email}") == []
