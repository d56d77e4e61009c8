"""An automation stops with the grant, token or consent it was made under, and only a new authority starts it again."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.control_plane.settings import Settings
from shared.messaging.messages import AuthorityEnded
from shared.primitives import ids
from shared.web.identity import Caller
from tests.control_plane.automating import Automating
from tests.control_plane.conftest import Inside, Partner

WEBHOOK = {"kind": "webhook"}
SCOPES = ("argus:platform:write", "argus:incidents:write")


class Person:
    """Somebody in whose name an app acts, by one grant."""

    def __init__(self, partner: Partner, inside: Inside, settings: Settings) -> None:
        self.user_id, self.grant_id = ids.new_id("usr"), ids.new_id("gnt")
        partner.caller = Caller(
            tenant_id=partner.tenant_id,
            client_id=partner.client_id,
            subject=self.user_id,
            scopes=frozenset(SCOPES),
            token_use="access",
            grant_id=self.grant_id,
        )
        self.partner, self.inside = partner, inside
        self.automating = Automating(partner, inside, settings)

    def make(self) -> str:
        return self.automating.make(WEBHOOK)

    def end(self, **what: Any) -> None:
        at = what.pop("ended_at", datetime.now(UTC) + timedelta(seconds=1))
        self.inside.receive(self.partner.tenant_id, AuthorityEnded(ended_at=at, **what))

    def state(self, automation_id: str) -> tuple[bool, str | None]:
        read = self.partner.get(f"/automations/{automation_id}").json()
        return read["enabled"], read["disabled_reason"]


@pytest.fixture
def person(partner: Partner, inside: Inside, settings: Settings) -> Person:
    return Person(partner, inside, settings)


def test_an_automation_does_not_outlive_the_grant_that_made_it(person: Person) -> None:
    automation = person.make()
    person.end(grant_id=ids.new_id("gnt"))
    assert person.state(automation) == (True, None)
    person.end(grant_id=person.grant_id)
    assert person.state(automation) == (False, "authority_ended")
    run = person.automating.happen("incident.created")
    assert person.automating.runs(automation) == [], run


@pytest.mark.parametrize("by_app", [True, False])
def test_it_ends_with_the_persons_consent_also_where_the_grant_is_over_already(person: Person, *, by_app: bool) -> None:
    automation = person.make()
    person.end(user_id=person.user_id, client_id=ids.new_id("app"))
    assert person.state(automation) == (True, None)
    person.end(user_id=person.user_id, client_id=person.partner.client_id if by_app else None)
    assert person.state(automation) == (False, "authority_ended")


def test_narrower_roles_end_what_goes_beyond_them(person: Person) -> None:
    automation = person.make()
    person.end(user_id=person.user_id, scopes_left=["argus:platform:write", "argus:incidents:write"])
    assert person.state(automation) == (True, None)
    person.end(user_id=person.user_id, scopes_left=["argus:platform:write"])
    assert person.state(automation) == (False, "authority_ended")


def test_what_was_authorised_later_goes_on(person: Person) -> None:
    automation = person.make()
    person.end(grant_id=person.grant_id, ended_at=datetime.now(UTC) - timedelta(minutes=1))
    assert person.state(automation) == (True, None)


def test_only_a_new_authority_starts_it_again(person: Person) -> None:
    automation = person.make()
    path = f"/automations/{automation}"
    person.partner.call("PATCH", path, json={"enabled": False})
    person.end(grant_id=person.grant_id)
    ended = person.partner.call("PATCH", path, json={"enabled": True}).json()
    assert ended["enabled"] is True
    # It now rests on the grant of its restart, which an older end does not touch.
    person.end(grant_id=person.grant_id, ended_at=datetime.now(UTC) - timedelta(seconds=30))
    assert person.state(automation) == (True, None)
    person.end(grant_id=person.grant_id)
    administrator = Partner(person.partner.http, person.partner.tenant_id, "argus:platform:write", "platform:apps")
    started = administrator.call("PATCH", path, json={"enabled": True}).json()
    assert (started["enabled"], started["scopes"]) == (True, ["argus:platform:write"])
