"""The marketplace: published by one tenant, seen by all, installed by consent, and gone when it is uninstalled."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from shared.messaging.messages import AppInstalled, PlatformApp
from shared.primitives import ids
from tests.control_plane.automating import NOTE, WEBHOOK
from tests.control_plane.conftest import Inside, Partner
from tests.control_plane.publishing import CONTENT, Publisher
from tests.support.messages import later

SCOPES = ["argus:incidents:write", "webhooks:write"]
EVENTS = ["incident.created", "incident.closed", "automation.fired"]
TEMPLATES = [
    {"name": "Tell the ward", "trigger": {"event_type": "incident.created"}, "action": WEBHOOK},
    {
        "name": "Note the high ones",
        "trigger": {"event_type": "incident.closed", "filter": {"pointer": "/priority", "eq": "high"}},
        "action": NOTE,
        "enabled": False,
    },
]


class Shop:
    """A publisher with a package that is live in production."""

    def __init__(self, app: Partner, name: str = "ward-board") -> None:
        self.publisher = Publisher(app, name)
        self.app = app

    def release(self, version: str, environment: str = "production", **fields: Any) -> str:
        manifest = {"scopes": SCOPES, "event_types": EVENTS, "automations": TEMPLATES} | fields
        self.publisher.publish(version, **manifest)
        draft = {"package_id": self.publisher.package_id, "version": version, "environment": environment}
        release = self.app.made("/releases", draft)["id"]
        for step in ("approve", "promote"):
            assert self.app.post(f"/releases/{release}/{step}").status_code == 200
        return release

    def publish(self, version: str = "1.0.0", **fields: Any) -> Any:
        return self.app.made("/listings", {"release_id": self.release(version, **fields), "title": "Ward board"})


@pytest.fixture
def shop(partner: Partner) -> Shop:
    return Shop(partner)


@pytest.fixture
def admin(other: Partner) -> Partner:
    """An administrator of another organisation."""
    return other.colleague("argus:platform:write", "platform:apps")


def without(body: Any, name: str) -> Any:
    return {field: value for field, value in body.items() if field != name}


def consent(listing: Any, **changes: Any) -> dict[str, Any]:
    return {
        "listing_id": listing["id"],
        "version": listing["version"],
        "consented_scopes": listing["scopes"],
        "consented_event_types": listing["event_types"],
        "consented_bundles": listing["graphql_bundles"],
    } | changes


def answered(inside: Inside, admin: Partner, installation: Any, reason: str | None = None) -> None:
    """Sends auth's message about the app."""
    outcome: Any = "installed" if reason is None else "refused"
    ours = {"installation_id": installation["id"], "client_id": installation["client_id"]}
    inside.receive(admin.tenant_id, AppInstalled(**ours, outcome=outcome, reason=reason))


def installed(inside: Inside, admin: Partner, listing: Any) -> Any:
    made = admin.made("/installations", consent(listing))
    answered(inside, admin, made)
    return admin.get(f"/installations/{made['id']}").json()


def app_deleted(inside: Inside, admin: Partner, installation: Any) -> None:
    gone = PlatformApp(
        client_id=installation["client_id"],
        version=later(),
        status="deleted",
        approved_events=[],
        graphql_bundles=[],
        requested_scopes=[],
    )
    inside.receive(admin.tenant_id, gone)


def test_a_live_production_release_is_published_and_everybody_sees_it(shop: Shop, other: Partner) -> None:
    listing = shop.publish()
    assert listing["publisher"] == "Riviera Emergency Services"
    assert (listing["version"], listing["scopes"], listing["automations"]) == ("1.0.0", SCOPES, TEMPLATES)
    assert other.get(f"/listings/{listing['id']}").json() == listing
    assert listing in other.get("/listings").json()["listings"]
    assert "tenant_id" not in listing
    assert listing not in other.get("/listings?own=true").json()["listings"]
    assert listing not in other.get("/listings?kind=edge").json()["listings"]


def test_a_package_has_one_listing_which_a_newer_release_takes_over(shop: Shop) -> None:
    first = shop.publish("1.0.0")
    again = {"release_id": shop.release("1.1.0", scopes=["argus:incidents:write"]), "title": "Ward board 2"}
    answer = shop.app.post("/listings", again)
    assert (answer.status_code, answer.json()["id"], answer.json()["version"]) == (200, first["id"], "1.1.0")
    assert shop.app.get(f"/listings/{first['id']}").json()["scopes"] == ["argus:incidents:write"]


def test_only_what_is_live_in_production_is_published(shop: Shop, other: Partner) -> None:
    superseded = shop.release("1.0.0")
    live = shop.release("1.0.1")
    sandbox = shop.release("1.0.2", "sandbox")
    for release in (superseded, sandbox, "rel_x", ids.new_id("rel")):
        answer = shop.app.post("/listings", {"release_id": release, "title": "x"})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/release_id")
    assert other.post("/listings", {"release_id": live, "title": "x"}).status_code == 422


def test_a_listing_is_withdrawn_by_its_owner_alone(shop: Shop, other: Partner, admin: Partner) -> None:
    listing = shop.publish()
    path = f"/listings/{listing['id']}"
    assert other.call("DELETE", path).status_code == 404
    assert other.get(path).status_code == 200
    assert shop.app.call("DELETE", path).status_code == 204
    assert other.get(path).status_code == 404
    assert shop.app.get(path).json()["status"] == "withdrawn"
    assert [one["id"] for one in shop.app.get("/listings?own=true").json()["listings"]] == [listing["id"]]
    assert admin.post("/installations", consent(listing)).json()["errors"][0]["pointer"] == "/listing_id"
    assert shop.app.call("DELETE", path).status_code == 204


def test_a_release_taken_back_leaves_the_marketplace(shop: Shop, other: Partner) -> None:
    listing = shop.publish()
    (release,) = shop.app.get("/releases?status=live").json()["releases"]
    shop.app.post(f"/releases/{release['id']}/rollback")
    assert other.get(f"/listings/{listing['id']}").status_code == 404


def test_what_a_revoked_key_signed_leaves_the_marketplace(shop: Shop, other: Partner) -> None:
    listing = shop.publish()
    shop.app.call("DELETE", f"/signing-keys/{shop.publisher.key_id}")
    assert other.get(f"/listings/{listing['id']}").status_code == 404
    (release,) = shop.app.get("/releases?status=live").json()["releases"]
    assert shop.app.post("/listings", {"release_id": release["id"], "title": "x"}).status_code == 422


@pytest.mark.parametrize("change", [{"granted": ()}, {"status": "suspended"}], ids=["withdrawn", "suspended"])
def test_a_publisher_that_lost_the_grant_or_is_suspended_offers_nothing(
    shop: Shop, other: Partner, inside: Inside, change: dict[str, Any]
) -> None:
    listing = shop.publish()
    inside.grant(shop.app.tenant_id, **{"granted": (), "version": 1} | change)
    assert other.get(f"/listings/{listing['id']}").status_code == 200  # old news
    inside.grant(shop.app.tenant_id, version=later(), **change)
    assert other.get(f"/listings/{listing['id']}").status_code == 404


def test_consent_to_a_version_is_to_no_other(shop: Shop, admin: Partner) -> None:
    read = shop.publish("1.0.0")
    newer = {"release_id": shop.release("1.1.0", event_types=[*EVENTS, "epcr.encounter.completed"]), "title": "x"}
    assert shop.app.post("/listings", newer).status_code == 200
    answer = admin.post("/installations", consent(read, version=read["version"]))
    assert (answer.status_code, answer.json()["version"]) == (409, "1.1.0")
    assert admin.get("/installations").json()["installations"] == []
    # Consent to the earlier requests does not fit the later version.
    unread = admin.post("/installations", consent(read, version="1.1.0"))
    assert unread.json()["errors"][0]["pointer"] == "/consented_event_types"
    now = admin.get(f"/listings/{read['id']}").json()
    assert admin.made("/installations", consent(now))["version"] == "1.1.0"


def test_nobody_elses_tables_are_open_beside_the_listing(shop: Shop, other: Partner, inside: Inside) -> None:
    """By statement: another tenant reads the listing, changes nothing of it, and sees nothing of package, version or content."""
    listing = shop.publish()
    with psycopg.connect(inside.database.app) as conn:
        conn.execute("SELECT set_config('app.tenant_id', %s, false)", (other.tenant_id,))
        for table in (
            "packages",
            "versions",
            "contents",
            "releases",
            "release_history",
            "signing_keys",
            "installations",
        ):
            assert conn.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
        assert conn.execute("SELECT count(*) FROM listings WHERE id = %s", (listing["id"],)).fetchone() == (1,)
        assert conn.execute("UPDATE listings SET title = 'mine' WHERE id = %s", (listing["id"],)).rowcount == 0
        conn.execute("SELECT set_config('app.tenant_id', '', false)")
        assert conn.execute("SELECT count(*) FROM listings").fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("DELETE FROM listings")


def test_installing_asks_auth_for_the_app_that_was_consented_to(shop: Shop, admin: Partner, inside: Inside) -> None:
    listing = shop.publish()
    made = admin.made("/installations", consent(listing))
    assert made["status"] == "pending"
    (asked,) = inside.messages(admin.tenant_id, "auth.install_app.v1")
    assert asked == {
        "name": "auth.install_app.v1",
        "installation_id": made["id"],
        "client_id": made["client_id"],
        "app_name": "Ward board",
        "scopes": SCOPES,
        "approved_events": EVENTS,
        "graphql_bundles": [],
        "consented_by": admin.client_id,
        "consented_by_user": None,
    }


def test_an_installed_package_brings_its_automations(shop: Shop, admin: Partner, inside: Inside) -> None:
    made = installed(inside, admin, shop.publish())
    assert made["status"] == "active"
    listed = admin.get(f"/automations?client_id={made['client_id']}").json()["automations"]
    told = [(one["name"], one["trigger"]["event_type"], one["enabled"], one["scopes"]) for one in listed[::-1]]
    assert told == [
        ("Tell the ward", "incident.created", True, sorted(SCOPES)),
        ("Note the high ones", "incident.closed", False, sorted(SCOPES)),
    ]
    (interest,) = inside.messages(admin.tenant_id, "webhook_dispatcher.automation_interest.v1")
    assert interest["event_types"] == ["incident.created"]


def test_an_answer_told_twice_brings_them_once(shop: Shop, admin: Partner, inside: Inside) -> None:
    made = installed(inside, admin, shop.publish())
    answered(inside, admin, made)
    answered(inside, admin, made, "too late")
    assert admin.get(f"/installations/{made['id']}").json() == made
    assert len(admin.get("/automations").json()["automations"]) == 2


def test_what_auth_refuses_fails_and_says_why_and_can_be_tried_again(
    shop: Shop, admin: Partner, inside: Inside
) -> None:
    listing = shop.publish()
    made = admin.made("/installations", consent(listing))
    answered(inside, admin, made, "not in this organisation's catalogue: argus:telephony:read")
    shown = admin.get(f"/installations/{made['id']}").json()
    assert (shown["status"], shown["reason"].rpartition(": ")[2]) == ("failed", "argus:telephony:read")
    assert admin.post(f"/installations/{made['id']}/uninstall").status_code == 409
    assert admin.get("/automations").json()["automations"] == []
    assert admin.post("/installations", consent(listing)).status_code == 201


@pytest.mark.parametrize(
    ("consented", "pointer"),
    [
        ([], "/consented_scopes"),
        (SCOPES[:1], "/consented_scopes"),
        ([*SCOPES, "argus:epcr:read"], "/consented_scopes/2"),
        ([*SCOPES, SCOPES[0]], "/consented_scopes"),
        (["argus:incidents:read", "webhooks:write"], "/consented_scopes/0"),
    ],
)
def test_consent_names_exactly_the_scopes(
    shop: Shop, admin: Partner, inside: Inside, consented: list[str], pointer: str
) -> None:
    answer = admin.post("/installations", consent(shop.publish(), consented_scopes=consented))
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)
    assert inside.messages(admin.tenant_id, "auth.install_app.v1") == []


def test_consent_to_one_version_is_none_to_a_later_that_asks_for_more(shop: Shop, admin: Partner) -> None:
    listing = shop.publish()
    more = shop.release("2.0.0", scopes=[*SCOPES, "argus:epcr:read"])
    assert shop.app.post("/listings", {"release_id": more, "title": "x"}).status_code == 200
    answer = admin.post("/installations", consent(listing))
    assert (answer.status_code, answer.json()["version"]) == (409, "2.0.0")
    answer = admin.post("/installations", consent(listing, version="2.0.0"))
    assert "argus:epcr:read" in answer.json()["errors"][0]["detail"]


def test_a_package_is_installed_once_also_by_two_at_the_same_moment(shop: Shop, admin: Partner, inside: Inside) -> None:
    listing = shop.publish()
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: admin.post("/installations", consent(listing)), range(2)))
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert len(inside.messages(admin.tenant_id, "auth.install_app.v1")) == 1


def test_uninstalling_stops_the_automations_and_asks_auth_to_delete_the_app(
    shop: Shop, admin: Partner, inside: Inside
) -> None:
    listing = shop.publish()
    made = installed(inside, admin, listing)
    path = f"/installations/{made['id']}"
    for _ in range(2):
        answer = admin.post(f"{path}/uninstall")
        assert (answer.status_code, answer.json()["status"]) == (202, "uninstalling")
    (asked,) = inside.messages(admin.tenant_id, "auth.uninstall_app.v1")
    assert asked["client_id"] == made["client_id"]
    stopped = [(one["enabled"], one["disabled_reason"]) for one in admin.get("/automations").json()["automations"]]
    assert stopped[1] == (False, "uninstalled")
    assert inside.messages(admin.tenant_id, "webhook_dispatcher.automation_interest.v1")[-1]["event_types"] == []
    assert admin.post("/installations", consent(listing)).status_code == 409
    app_deleted(inside, admin, made)
    assert admin.get(path).json()["status"] == "uninstalled"
    assert admin.post(f"{path}/uninstall").json()["status"] == "uninstalled"
    assert admin.post("/installations", consent(listing)).status_code == 201


def test_an_app_deleted_by_hand_ends_its_installation(shop: Shop, admin: Partner, inside: Inside) -> None:
    made = installed(inside, admin, shop.publish())
    app_deleted(inside, admin, made)
    shown = admin.get(f"/installations/{made['id']}").json()
    assert shown["status"] == "uninstalled"
    assert shown["ended_at"] is not None


def test_nothing_is_uninstalled_before_auth_has_answered(shop: Shop, admin: Partner) -> None:
    made = admin.made("/installations", consent(shop.publish()))
    answer = admin.post(f"/installations/{made['id']}/uninstall")
    assert (answer.status_code, answer.json()["status_now"]) == (409, "pending")


def test_what_is_installed_and_active_can_be_downloaded_and_nothing_else(
    shop: Shop, admin: Partner, partner: Partner, inside: Inside
) -> None:
    pending = admin.made("/installations", consent(shop.publish()))
    path = f"/installations/{pending['id']}/content"
    assert admin.get(path).status_code == 404
    answered(inside, admin, pending)
    content = admin.get(path)
    assert (content.status_code, content.content) == (200, CONTENT)
    assert content.headers["repr-digest"].startswith("sha-256=:")
    assert partner.get(path).status_code == 404
    admin.post(f"/installations/{pending['id']}/uninstall")
    assert admin.get(path).status_code == 404


def test_another_tenants_installation_is_not_there(shop: Shop, admin: Partner, inside: Inside) -> None:
    made = installed(inside, admin, shop.publish())
    stranger = shop.app.colleague("argus:platform:write", "platform:apps")
    path = f"/installations/{made['id']}"
    assert stranger.get(path).status_code == 404
    assert stranger.post(f"{path}/uninstall").status_code == 404
    assert stranger.get("/installations").json()["installations"] == []


def test_installing_is_an_administrators(shop: Shop, other: Partner, inside: Inside) -> None:
    listing = shop.publish()
    for scopes, lacking in (
        (("argus:platform:read", "platform:apps"), "argus:platform:write"),
        (("argus:platform:write",), "platform:apps"),
    ):
        app = other.colleague(*scopes)
        for path, body in (("/installations", consent(listing)), ("/installations/ins_x/uninstall", None)):
            answer = app.post(path, body)
            assert (answer.status_code, answer.json()["scope"]) == (403, lacking)


def test_reading_and_publishing_need_their_scopes(partner: Partner) -> None:
    reader, nobody = partner.colleague("argus:platform:read"), partner.colleague("platform:apps")
    for path in (
        "/listings",
        "/listings/lst_x",
        "/installations",
        "/installations/ins_x",
        "/installations/ins_x/content",
    ):
        assert nobody.get(path).json()["scope"] == "argus:platform:read"
    assert reader.post("/listings", {}).json()["scope"] == "argus:platform:write"
    assert reader.call("DELETE", "/listings/lst_x").json()["scope"] == "argus:platform:write"


@pytest.mark.parametrize(
    "path", ["/listings/x", "/listings/lst_x", "/installations/x", f"/installations/ins_{'0' * 26}"]
)
def test_an_id_that_is_none_of_ours_is_404(partner: Partner, path: str) -> None:
    assert partner.get(path).status_code == 404


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/listings", {"title": "x"}),
        ("/listings", {"release_id": "rel_x", "title": ""}),
        ("/listings", {"release_id": "rel_x", "title": "x", "price": 1}),
        ("/installations", {"listing_id": "lst_x"}),
        ("/installations", {"listing_id": "lst_x", "version": "1.0.0", "consented_scopes": [""]}),
        ("/installations", {"listing_id": "lst_x", "version": "1.0.0", "consented_scopes": [], "secret": "x"}),
    ],
)
def test_a_body_that_does_not_fit_is_422(admin: Partner, path: str, body: Any) -> None:
    assert admin.post(path, body).status_code == 422
    headers = {"content-type": "text/plain"}
    assert admin.call("POST", path, content=b"{}", headers=headers).status_code == 415
    headers = {"content-type": "application/json"}
    assert admin.call("POST", path, content=b"{", headers=headers).status_code == 400
    assert admin.call("POST", path, content=b" " * ((1 << 20) + 1), headers=headers).status_code == 413


def test_listings_and_installations_are_listed_by_page(shop: Shop, admin: Partner, inside: Inside) -> None:
    shops = [shop, Shop(shop.app, "second"), Shop(shop.app, "third")]
    listings = [one.publish() for one in shops]
    made = [installed(inside, admin, listing)["id"] for listing in listings]
    page = admin.get("/installations?limit=2&status=active")
    assert [one["id"] for one in page.json()["installations"]] == made[:0:-1]
    rest = admin.get(f"/installations?limit=2&status=active&cursor={page.json()['next_cursor']}").json()
    assert [one["id"] for one in rest["installations"]] == made[:1]
    own = shop.app.get("/listings?own=true&limit=2").json()
    assert [one["id"] for one in own["listings"]] == [listings[2]["id"], listings[1]["id"]]
    assert admin.get("/installations?status=gone").status_code == 422


def test_consent_sent_again_with_its_key_is_one_installation(shop: Shop, admin: Partner) -> None:
    body = consent(shop.publish())
    first, second = (admin.post("/installations", body, Idempotency_Key="i1") for _ in range(2))
    assert (first.status_code, second.json()) == (201, first.json())


def test_consent_names_the_version_the_event_types_and_the_bundles(shop: Shop, admin: Partner) -> None:
    document = {"kind": "document", "bundle": "incident-management", "operation": "CloseIncident", "variables": {}}
    automation = {"name": "Close", "trigger": {"event_type": "incident.created"}, "action": document}
    scopes = ["argus:incidents:write"]
    listing = shop.publish(scopes=scopes, event_types=["incident.created"], automations=[automation])
    assert listing["graphql_bundles"] == ["incident-management"]
    whole = consent(listing)
    for name, status in (("version", 422), ("consented_event_types", 422), ("consented_bundles", 422)):
        refused = admin.post("/installations", without(whole, name))
        assert refused.status_code == status, name
        assert name in refused.text
    for name in ("consented_event_types", "consented_bundles"):
        more = admin.post("/installations", whole | {name: [*whole[name], "epcr.encounter.created"]})
        assert more.json()["errors"][0]["pointer"] == f"/{name}/1"
    made = admin.made("/installations", whole)
    assert (made["event_types"], made["graphql_bundles"]) == (["incident.created"], ["incident-management"])
