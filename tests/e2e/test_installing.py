"""Workers get SIGKILL during an installation and an uninstallation: the app and its automations exist once, and then not at all."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.e2e.test_automations import held
from tests.e2e.test_marketplace import PLATFORM, TEMPLATE, Publisher
from tests.support.stack import Stack
from tests.support.waiting import wait_for

pytestmark = pytest.mark.full


class Installer:
    """The demo tenant's administrator, who installs a package of an app of the same tenant."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.publisher = Publisher(stack)
        self.api = stack.client("api", token=stack.admin_token)
        release = self.publisher.approved_release("1.0.0")
        assert self.publisher.promote(release) == 200
        draft = {"release_id": release.rpartition("/")[2], "title": "Ward alerts"}
        self.listing = self.publisher.made("/listings", draft)

    def install(self) -> dict[str, Any]:
        consent = {
            "listing_id": self.listing["id"],
            "version": self.listing["version"],
            "consented_scopes": self.listing["scopes"],
            "consented_event_types": self.listing["event_types"],
            "consented_bundles": self.listing["graphql_bundles"],
        }
        answer = self.api.post(f"{PLATFORM}/installations", json=consent)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def becomes(self, installation: dict[str, Any], status: str) -> None:
        path = f"{PLATFORM}/installations/{installation['id']}"
        wait_for(lambda: self.api.get(path).json()["status"] == status, what=f"the installation to be {status}")

    def automations(self, installation: dict[str, Any]) -> list[str]:
        query = {"client_id": installation["client_id"]}
        listed = self.api.get(f"{PLATFORM}/automations", params=query).json()["automations"]
        return [automation["name"] for automation in listed]

    def apps(self, installation: dict[str, Any]) -> list[str]:
        with self.stack.database("auth", "admin") as conn:
            query = "SELECT status FROM apps WHERE client_id = %s"
            return [status for (status,) in conn.execute(query, (installation["client_id"],)).fetchall()]

    def told(self, service: str, name: str, installation: dict[str, Any]) -> int:
        """The number of messages of that name about the app in the service's outbox."""
        query = "SELECT FROM outbox WHERE name = %s AND body->>'client_id' = %s"
        with self.stack.database(service, "admin") as conn:
            return conn.execute(query, (name, installation["client_id"])).rowcount


@pytest.fixture
def installer(stack: Stack) -> Iterator[Installer]:
    installer = Installer(stack)
    yield installer
    installer.api.close()
    installer.publisher.api.close()


def test_auths_worker_killed_in_the_middle_of_making_the_app_makes_one(installer: Installer) -> None:
    # Making an app takes a shared lock on its tenant.
    statement = "SELECT FROM tenants WHERE tenant_id = %s FOR UPDATE"
    with held(installer.stack, "auth", statement, installer.stack.tenant.id) as is_waited_for:
        made = installer.install()
        wait_for(is_waited_for, what="auth's worker to be in the middle of it")
        installer.stack.kill("auth", "worker")
    installer.becomes(made, "active")
    assert installer.apps(made) == ["active"]
    assert installer.told("auth", "control_plane.app_installed.v1", made) == 1
    assert installer.automations(made) == [TEMPLATE["name"]]


def test_control_planes_worker_killed_in_the_middle_of_its_answer_brings_the_automations_once(
    installer: Installer,
) -> None:
    """auth is stopped until the test holds the lock for which the answer will wait."""
    with ExitStack() as answering:
        making = "SELECT FROM tenants WHERE tenant_id = %s FOR UPDATE"
        with held(installer.stack, "auth", making, installer.stack.tenant.id):
            made = installer.install()
            activating = "SELECT FROM installations WHERE id = %s FOR UPDATE"
            is_waited_for = answering.enter_context(held(installer.stack, "control-plane", activating, made["id"]))
        wait_for(is_waited_for, what="control-plane's worker to be in the middle of it")
        installer.stack.kill("control-plane", "worker")
    installer.becomes(made, "active")
    assert installer.automations(made) == [TEMPLATE["name"]]


def test_auths_worker_killed_in_the_middle_of_deleting_the_app_deletes_it(installer: Installer) -> None:
    made = installer.install()
    installer.becomes(made, "active")
    with held(
        installer.stack, "auth", "SELECT FROM apps WHERE client_id = %s FOR UPDATE", made["client_id"]
    ) as is_waited_for:
        answer = installer.api.post(f"{PLATFORM}/installations/{made['id']}/uninstall")
        assert answer.status_code == 202
        wait_for(is_waited_for, what="auth's worker to be in the middle of it")
        installer.stack.kill("auth", "worker")
    installer.becomes(made, "uninstalled")
    assert installer.apps(made) == ["deleted"]
    installer.becomes(installer.install(), "active")
