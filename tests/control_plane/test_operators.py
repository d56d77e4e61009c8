"""An operator stops an automation, or all of an organisation: no new run starts, and both trails have the reason."""

import msgspec
import pytest

from services.control_plane import tasks
from services.control_plane.settings import Settings
from shared.primitives import ids
from tests.control_plane.automating import SCOPES, Automating
from tests.control_plane.conftest import Inside, Partner
from tests.support.operating import act


@pytest.fixture
def automating(partner: Partner, inside: Inside, settings: Settings) -> Automating:
    """An app of a granted tenant."""
    partner.caller = msgspec.structs.replace(partner.caller, scopes=frozenset(SCOPES))
    return Automating(partner, inside, settings)


@pytest.mark.parametrize("of_all", [False, True])
def test_a_stopped_automation_starts_no_run(automating: Automating, settings: Settings, *, of_all: bool) -> None:
    one, other = automating.make(), automating.make()
    action, subject = ("automations.stop", automating.tenant_id) if of_all else ("automation.stop", one)
    where = (
        automating.partner.http,
        automating.partner.service,
        settings.worker_database_url or "",
        tasks.acts(settings),
        action,
    )
    done = act(*where, subject)
    assert done["state"] == "done", done
    stopped = {name: automating.partner.get(f"/automations/{name}").json() for name in (one, other)}
    assert [stopped[name]["enabled"] for name in (one, other)] == [False, not of_all]
    assert (stopped[one]["disabled_reason"], stopped[one]["stop_reason"]) == ("stopped_by_operator", "It floods us")
    kept = automating.partner.call("PATCH", f"/automations/{one}", json={"enabled": False}).json()
    assert kept["disabled_reason"] == "stopped_by_operator"
    again = act(*where, subject)
    assert again["state"] == "refused"
    stranger = ids.new_id("org") if of_all else ids.new_id("auto")
    assert act(*where, stranger)["state"] == "refused"
    lift = (*where[:-1], "automation.resume")
    assert act(*lift, one)["state"] == "done"
    going = automating.partner.get(f"/automations/{one}").json()
    assert (going["enabled"], going["disabled_reason"], going["stop_reason"]) == (True, None, None)
    assert act(*lift, one)["state"] == "refused"
