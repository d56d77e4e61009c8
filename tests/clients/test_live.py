"""The Python SDK against a running platform: an integrator's first day, with both clients."""

import asyncio
import pickle
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

import knogin
from knogin import models, problems
from shared.primitives.ids import new_id
from tests.support.receiver import SECRET, Receiver, running
from tests.support.stack import Stack
from tests.support.waiting import wait_for

SCOPES = ["webhooks:write", "argus:epcr:write", "argus:devices:write", "argus:acqi:read"]
INDICATORS = "query($from: DateTime!, $to: DateTime!) { acqiMetrics(fromDate: $from, toDate: $to) { name value } }"


@pytest.fixture(params=["api", "auth"])
def base_url(request: pytest.FixtureRequest, stack: Stack) -> str:
    """Each host answers every path, so one is enough."""
    return f"http://{stack.described['hosts'][request.param]}:{stack.port}"


@pytest.fixture
def admin(stack: Stack, base_url: str) -> Iterator[knogin.Knogin]:
    with knogin.Knogin(token=stack.admin_token, base_url=base_url) as client:
        yield client


@pytest.fixture
def listening() -> Iterator[Receiver]:
    with running(Receiver()) as started:
        yield started


def registered(admin: knogin.Knogin, **fields: Any) -> models.apps.RegisteredApp:
    draft = models.apps.AppDraft(
        name="From the SDK", grant_types=["client_credentials"], requested_scopes=SCOPES, **fields
    )
    app = admin.apps.create_app(draft)
    change = models.apps.GovernanceChange(approved_events=["epcr.*"])
    assert isinstance(admin.apps.update_app_governance(app.client_id, change), models.apps.GovernanceChanged)
    tried = admin.apps.update_app_governance(app.client_id, change, dry_run=True)
    assert isinstance(tried, models.apps.GovernanceTried)
    return app


def draft() -> models.epcr.EncounterDraft:
    return models.epcr.EncounterDraft(
        care_model="prehospital_emergency",
        vehicle_id="AMB-42",
        crew_ids=["usr_1"],
        cad_incident_id=new_id("cad"),
        vital_signs=[],
        patient=models.epcr.Patient(sex="female", age_years=70),
    )


def monitor() -> models.devices.Enrolment:
    return models.devices.Enrolment(serial_number=new_id("sn"), device_class="oximeter", vehicle_id="AMB-42")


def readings(number: int) -> models.devices.ObservationBatch:
    now = datetime.now(UTC)
    observations = [
        models.devices.ObservationDraft(
            mdc_code="MDC_PULS_OXIM_SAT_O2", value=98, unit_code="%", observed_at=now - timedelta(seconds=second)
        )
        for second in range(1, number)
    ]
    wrong = models.devices.ObservationDraft(mdc_code="MDC_NONE", value=1)
    return models.devices.ObservationBatch(observations=[*observations, wrong])


def indicators() -> models.graphql.GraphqlRequest:
    now = datetime.now(UTC)
    period = {"from": (now - timedelta(days=30)).isoformat(), "to": now.isoformat()}
    return models.graphql.GraphqlRequest(query=INDICATORS, variables=period)


def test_an_integrators_first_day(admin: knogin.Knogin, base_url: str, listening: Receiver) -> None:
    app = registered(admin)
    with knogin.Knogin(app.client_id, app.client_secret, base_url=base_url) as client:
        hook = models.webhooks.NewWebhook(url=listening.url, events=["epcr.encounter.created"], secret=SECRET)
        webhook = wait_for(lambda: subscribed(client, hook))
        key = new_id("key")
        case = draft()
        encounter = client.epcr.create_encounter(case, idempotency_key=key)
        assert client.epcr.create_encounter(case, idempotency_key=key).id == encounter.id
        found = client.epcr.get_encounter(encounter.id)
        assert isinstance(found, models.epcr.EncounterView)
        assert found.created_at == encounter.created_at
        bundle = client.epcr.get_fhir_bundle(encounter.id)
        assert bundle["resourceType"] == "Bundle"
        as_fhir = client.epcr.get_encounter(encounter.id, format="fhir")
        assert isinstance(as_fhir, dict)
        assert as_fhir["entry"] == bundle["entry"]

        device = client.devices.enrol_device(monitor())
        batch = client.devices.record_observations(device.id, readings(5))
        assert [one.status for one in batch.results] == [201, 201, 201, 201, 422]
        paged = client.devices.list_observations(device.id, limit=3)
        first = next(iter(paged.pages()))
        assert first.next_cursor is not None
        assert len(first.items) == 3
        rest = list(client.devices.list_observations(device.id, limit=3, cursor=first.next_cursor))
        everything = list(paged)
        assert [one.id for one in first.items + rest] == [one.id for one in everything]
        assert len(everything) == 4
        assert all(one.value == 98 for one in everything)

        answer = client.graphql.execute_graphql(indicators())
        assert answer.data is not None
        assert answer.data["acqiMetrics"]
        request = models.graphql.GraphqlRequest(query=INDICATORS, variables={"from": 7})
        with pytest.raises(knogin.GraphqlRefused) as refused:
            client.graphql.execute_graphql(request)
        assert (refused.value.status, refused.value.type, refused.value.data) == (200, "BAD_USER_INPUT", None)
        assert [one.pointer for one in refused.value.errors] == ["/from", "/to"]
        assert len(refused.value.trace_id) == 32
        assert str(pickle.loads(pickle.dumps(refused.value))) == str(refused.value)  # noqa: S301 - our own

        event = wait_for(lambda: event_of(listening, encounter.id))
        assert isinstance(event, models.events.EpcrEncounterCreated)
        assert event.data.cad_incident_id == case.cad_incident_id
        delivery = wait_for(lambda: delivered(client, webhook.id))
        assert client.webhooks.get_delivery(webhook.id, delivery.id).attempts
        changed = client.webhooks.update_webhook(
            webhook.id, models.webhooks.WebhookChange(description=None, enabled=False)
        )
        assert (changed.enabled, changed.description) == (False, None)
        client.webhooks.delete_webhook(webhook.id)
        with pytest.raises(problems.NotFound) as gone:
            client.webhooks.get_webhook(webhook.id)
        assert len(gone.value.trace_id) == 32


def subscribed(client: knogin.Knogin, hook: models.webhooks.NewWebhook) -> models.webhooks.Webhook | None:
    """None until the dispatcher has the app's approval."""
    try:
        return client.webhooks.create_webhook(hook)
    except problems.Forbidden:
        return None


def event_of(listening: Receiver, encounter_id: str) -> models.events.Event | None:
    for arrival in listening.about(encounter_id):
        return knogin.webhooks.verify(arrival.body, arrival.headers, ["whsec_b2xkLW9sZC1vbGQtb2xkLW9sZA==", SECRET])
    return None


def delivered(client: knogin.Knogin, webhook_id: str) -> models.webhooks.Delivery | None:
    return next((one for one in client.webhooks.list_deliveries(webhook_id) if one.status == "succeeded"), None)


def test_the_same_day_with_asyncio(admin: knogin.Knogin, base_url: str) -> None:
    app = registered(admin)

    async def day() -> None:
        async with knogin.AsyncKnogin(app.client_id, app.client_secret, base_url=base_url) as client:
            made = await asyncio.gather(*(client.epcr.create_encounter(draft()) for _ in range(5)))
            for case in made:
                bundle = await client.epcr.get_fhir_bundle(case.id)
                assert bundle["resourceType"] == "Bundle"
            device = await client.devices.enrol_device(monitor())
            await client.devices.record_observations(device.id, readings(6))
            sizes = [len(page.items) async for page in client.devices.list_observations(device.id, limit=2).pages()]
            assert sum(sizes) == 5
            assert len(sizes) >= 3
            mine = {
                one.id async for one in client.epcr.list_encounters(limit=2, cad_incident_id=made[0].cad_incident_id)
            }
            assert mine == {made[0].id}
            answer = await client.graphql.execute_graphql(indicators())
            assert answer.data is not None
            wrong = models.devices.Enrolment(serial_number="", device_class="oxymeter")  # pyright: ignore[reportArgumentType]
            with pytest.raises(problems.InvalidRequest) as refused:
                await client.devices.enrol_device(wrong)
            faults = {fault.pointer: fault for fault in refused.value.errors}
            assert faults["/device_class"].did_you_mean == "oximeter"
            assert "(did you mean oximeter?)" in str(refused.value)
            assert "/serial_number" in faults

    asyncio.run(day())


def test_an_etag_saves_the_answer(admin: knogin.Knogin, base_url: str) -> None:
    app = registered(admin)
    with knogin.Knogin(app.client_id, app.client_secret, base_url=base_url) as client:
        encounter = client.epcr.create_encounter(draft())
        answer = client.request("GET", f"/api/v1/epcr/encounters/{encounter.id}")
        assert answer.status == 200
        assert client.epcr.get_encounter(encounter.id, if_none_match=answer.headers["etag"]) is None


def test_a_token_that_is_revoked_is_replaced(admin: knogin.Knogin, stack: Stack, base_url: str) -> None:
    app = registered(admin)
    used: list[str] = []
    with knogin.Knogin(
        app.client_id,
        app.client_secret,
        base_url=base_url,
        on_request=lambda request: used.append(request.headers["authorization"].removeprefix("Bearer ")),
    ) as client:
        list(client.epcr.list_encounters(limit=1).pages())[:1]
        form = models.oauth.PresentedForm(token=used[-1])
        assert client.oauth.introspect_token(form).active
        client.oauth.revoke_token(form)
        wait_for(lambda: next(iter(client.epcr.list_encounters(limit=1).pages())) and len(set(used)) == 2)


def test_a_rotated_secret_is_picked_up(admin: knogin.Knogin, base_url: str) -> None:
    app = registered(admin)
    secret = [app.client_secret or ""]
    with knogin.Knogin(app.client_id, lambda: secret[0], base_url=base_url) as client:
        client.with_scopes("argus:epcr:write").epcr.create_encounter(draft())
        rotated = admin.apps.rotate_app_secret(app.client_id, models.apps.RotateSecret(overlap_seconds=0))
        with pytest.raises(problems.OAuthInvalidClient):
            client.with_scopes("argus:devices:write").devices.enrol_device(monitor())
        secret[0] = rotated.client_secret
        client.with_scopes("argus:devices:write").devices.enrol_device(monitor())


def test_a_private_key_takes_the_place_of_a_secret(admin: knogin.Knogin, base_url: str) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    jwk = ECAlgorithm.to_jwk(key.public_key(), as_dict=True) | {"kid": "k1"}
    app = registered(admin, token_endpoint_auth_method="private_key_jwt", jwks={"keys": [jwk]})
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    with knogin.Knogin(app.client_id, private_key=pem, key_id="k1", base_url=base_url) as client:
        assert client.epcr.create_encounter(draft()).status == "in_progress"
        assert "PRIVATE" not in repr(client)


def test_unions_and_lists_of_the_control_plane_are_read(admin: knogin.Knogin) -> None:
    assert {scope.name for scope in admin.apps.list_scopes().scopes} >= set(SCOPES)
    assert len({app.client_id for app in admin.apps.list_apps(limit=2)}) >= 1
    assert list(admin.control_plane.list_packages()) is not None
    assert b"html" not in admin.request("GET", "/.well-known/jwks.json").content
    assert admin.oauth.get_jwks() is not None
    with pytest.raises(problems.NotFound):
        admin.saml.get_saml_metadata("samlc_of_nobody")
