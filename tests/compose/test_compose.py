"""docker-compose.yml in real containers: it starts, costs little, does its work, survives crashes and stops cleanly."""

import re
import time

import pytest

from tests.compose.platform import Platform
from tests.compose.story import SECRET, Partner
from tests.support.waiting import wait_for

pytestmark = pytest.mark.compose
# On an idle machine; on a busy one as many times longer as any work takes there.
START_SECONDS = 60
# Milliseconds of processor time per second, all containers together.
IDLE = 150
SILENCED = "redis-exporter"


@pytest.fixture(scope="module")
def partner(platform: Platform) -> Partner:
    command = ["exec", "-T", "auth-worker", "python", "-m", "services.auth", "tenant", "open"]
    printed = platform.compose(*command, "Riviera Emergency Services", "admin@riviera.example")
    partner = Partner(platform, dict(line.split(maxsplit=1) for line in printed.splitlines()))
    partner.subscribe()
    return partner


def test_everything_is_up_within_a_minute(platform: Platform) -> None:
    print(
        f"\nup after {platform.seconds_to_start:.1f} s, where work takes {platform.crowd:.1f} times its processor time"
    )
    assert platform.seconds_to_start <= START_SECONDS * max(1, platform.crowd)


def test_containers_that_do_nothing_cost_next_to_nothing(platform: Platform) -> None:
    time.sleep(20)  # until the work of the start has ended
    before, began = platform.cpu_seconds(), time.monotonic()
    time.sleep(60)
    used = 1000 * (platform.cpu_seconds() - before) / (time.monotonic() - began)
    print(f"\n{len(platform.ids())} idle containers use {used:.0f} ms of processor time a second")
    assert used <= IDLE


def test_an_image_holds_no_installer_and_the_gateways_no_database_driver_and_no_queue(platform: Platform) -> None:
    find = "import importlib.util as u, sys; print(*[name for name in sys.argv[1:] if u.find_spec(name)])"
    foreign = {"gateway": ["celery", "kombu", "psycopg", "services"], "epcr-web": ["gateway", "services.auth"]}
    for service, unwanted in foreign.items():
        found = platform.compose("exec", "-T", service, "python", "-c", find, "pip", *unwanted)
        assert found.split() == [], service


def test_the_first_tenant_gets_a_verified_webhook_and_a_reading_in_its_bundle(partner: Partner) -> None:
    opened = partner.open_encounter()
    encounter = opened.json()["id"]
    delivery = wait_for(lambda: partner.deliveries().get(encounter), what="the webhook")
    assert delivery.verified(SECRET)
    assert delivery.trace_id == opened.headers["x-trace-id"]
    partner.measure(encounter)
    wait_for(lambda: partner.holds_the_reading(encounter), what="the reading in the bundle")


def test_what_was_accepted_outlives_a_crash_of_every_container(platform: Platform, partner: Partner) -> None:
    platform.compose("stop", SILENCED)
    accepted: list[str] = []
    for service, container in platform.ids().items():
        if service != "receiver":
            accepted.append(partner.open_encounter().json()["id"])
            platform.kill(container)
            print(f"killed {service}: well again")
    wait_for(lambda: not set(accepted) - set(partner.deliveries()), seconds=180, what="every accepted webhook")


def test_an_alert_reaches_somebody(platform: Platform) -> None:
    def told() -> bool:
        alerts = [alert for one in platform.received("/alerts") for alert in one.json()["alerts"]]
        return any(alert["labels"].get("instance", "").startswith(SILENCED) for alert in alerts)

    wait_for(told, seconds=240, what=f"an alert about {SILENCED}")


def test_prometheus_finds_everything_it_looks_for(platform: Platform) -> None:
    platform.compose("start", SILENCED)
    question = [
        "wget",
        "-q",
        "-O",
        "-",
        "http://127.0.0.1:9090/api/v1/query?query=up+==+0+or+pg_up+==+0+or+redis_up+==+0",
    ]

    def away() -> list[str]:
        return re.findall(r'"instance":"([^"]+)"', platform.compose("exec", "-T", "prometheus", *question))

    wait_for(lambda: not away(), seconds=120, what="every target to be up")
    counted = platform.compose(
        "exec", "-T", "prometheus", *question[:-1], question[-1].partition("up+==")[0] + "count(pg_up)"
    )
    assert '"6"' in counted


def test_every_container_ends_by_itself(platform: Platform) -> None:
    containers = platform.ids()
    platform.compose("stop")
    states = {service: platform.inspect(container)["State"] for service, container in containers.items()}
    # 137 is the engine's patience at its end.
    assert [name for name, state in states.items() if state["ExitCode"] == 137] == []
    assert not any(state["OOMKilled"] for state in states.values())
