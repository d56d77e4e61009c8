"""`make bench-growth`: compares a stack that has been used for years with a new one; both run side by side.

`BENCH_SCALE` (1) is the factor of `make load`, `BENCH_LARGE` (1,000,000) the encounters of the largest
organisation before it. The new stack is loaded with `A_PAGE`, so that lists are equally long on both.
Requests alternate between the two, so that other work on the machine affects both.
"""

import json
import os
import re
import signal
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, LiteralString

import httpx2
import pytest
from psycopg.rows import dict_row

from deploy.load.loading import Progress, load
from deploy.load.people import TRAILS
from deploy.load.rows import LARGE, Sizes
from deploy.local.ports import free_port
from deploy.local.table import ROOT
from shared.primitives.ids import id_of, new_id
from shared.web.identity import Caller
from tests.bench.test_webhooks import Rig, percentile, receiver_process
from tests.support.plain import PLAIN
from tests.support.running import RunningStack
from tests.support.stack import Stack
from tests.support.waiting import wait_for

CONTRACT = ROOT / "gateway" / "docs" / "static" / "openapi.json"
METHODS = ("get", "post", "put", "patch", "delete")
PARAMETER = re.compile(r"\{(\w+)\}")
ENCOUNTERS = "/api/v1/epcr/encounters"
ENCOUNTER = ENCOUNTERS + "/{encounter_id}"
ARRIVALS = "/api/v1/epcr/arrivals"
# For the app of a hospital alone, with an encounter that is bound for it.
OF_HOSPITAL = frozenset({ARRIVALS, f"{ENCOUNTER}/handover", f"{ENCOUNTER}/outcome"})
OF_BOUND = OF_HOSPITAL | {f"{ENCOUNTER}/destination", f"{ENCOUNTER}/disclosures"}
BOUND: LiteralString = """
    SELECT o.encounter_id, o.destination_id, o.client_id FROM outcomes o JOIN disclosures USING (encounter_id)
    WHERE o.tenant_id = %s ORDER BY o.encounter_id LIMIT 1
"""
DEVICES = "/api/v1/devices"
TRAIL = "/v1/audit/{service}"
RUNS = "/api/v1/platform/automations/runs"
# Another organisation than the large one, whose few runs are older.
OF_NEIGHBOUR: LiteralString = "SELECT tenant_id, client_id FROM automation_runs WHERE tenant_id <> %s LIMIT 1"
# For the console alone, with a trail of each service, which take turns.
OF_CONSOLE = (TRAIL, "/v1/platform/users", "/v1/platform/invitations")
CONSOLE_SCOPES = frozenset({"platform:audit", "platform:people:read"})
# The oldest entry is a loaded one, the same in every trail.
OLDEST_ENTRY: LiteralString = """
    SELECT id, actor, subject_id, client_id, action, trace_id, at FROM audit WHERE tenant_id = %s ORDER BY at, id LIMIT 1
"""
_numbers = count(1)

Route = tuple[str, str]


@dataclass
class Owner:
    """The organisation of `make demo`, which has most of a loaded stack's data; `known` are the ids for paths."""

    stack: Stack
    known: dict[str, str] = field(default_factory=dict)
    turn: int = 0

    def __post_init__(self) -> None:
        described, tenant = self.stack.described, self.stack.tenant
        bearer = {"authorization": f"Bearer {tenant.access_token}"}
        self.clients = {
            name: httpx2.Client(
                verify=PLAIN,
                base_url=described["gateway"],
                headers=bearer | {"host": f"{host}:{self.stack.port}"},
                timeout=60,
                trust_env=False,
            )
            for name, host in described["hosts"].items()
        }
        self.service = httpx2.Client(verify=PLAIN, timeout=60, trust_env=False)
        self.basic = (tenant.client_id, tenant.client_secret)
        self.known["client_id"] = self.stack.register_app(["webhooks:write"]).client_id
        self.console = Caller(
            tenant_id=tenant.id, client_id=tenant.client_id, scopes=CONSOLE_SCOPES, token_use="access"
        )
        with self.stack.database("epcr", "migrator") as conn, conn.cursor(row_factory=dict_row) as cursor:
            entry = cursor.execute(OLDEST_ENTRY, (tenant.id,)).fetchone()
        assert entry is not None
        self.entry = entry
        self.known["entry_id"] = id_of("aud", entry["id"])
        self.known["user_id"] = self.made("GET", "/v1/platform/users")["users"][-1]["user_id"]
        self.known["invitation_id"] = self.made("GET", "/v1/platform/invitations")["invitations"][-1]["id"]
        self.known["encounter_id"] = self._oldest(ENCOUNTERS) or self.made("POST", ENCOUNTERS)["id"]
        self.known["device_id"] = self._oldest(DEVICES) or self.made("POST", DEVICES + "/enrol")["id"]
        observations = f"{DEVICES}/{self.known['device_id']}/observations"
        self.known["observation_id"] = self._oldest(observations) or self._observed()
        with self.stack.database("epcr", "migrator") as conn:
            bound = conn.execute(BOUND, (tenant.id,)).fetchone()
        assert bound is not None
        self.bound, self.known["destination_id"], hospital = bound
        scopes = frozenset({"argus:epcr:handover", "argus:epcr:outcome"})
        self.hospital = Caller(tenant_id=tenant.id, client_id=hospital, scopes=scopes, token_use="service")
        with self.stack.database("control-plane", "migrator") as conn:
            neighbour = conn.execute(OF_NEIGHBOUR, (tenant.id,)).fetchone()
        assert neighbour is not None
        # With the scope of an administrator, who lists the runs of all apps.
        platform = frozenset({"argus:platform:read", "platform:apps"})
        self.neighbour = Caller(tenant_id=neighbour[0], client_id=neighbour[1], scopes=platform, token_use="access")
        for path in sorted(OF_BOUND):
            self.made("GET", path)
        self.known["webhook_id"] = self.made("POST", "/v1/webhooks")["id"]
        self.made("POST", "/v1/webhooks/{webhook_id}/test")
        self.known["consumer_name"] = self.made("POST", "/v1/consumers")["name"]

    def close(self) -> None:
        for client in (*self.clients.values(), self.service):
            client.close()

    def ask(self, method: str, path: str) -> httpx2.Response:
        """Sends the route's request; an unknown id in the path becomes one that does not exist."""
        self.turn += path.startswith(TRAIL)
        self.known["service"] = TRAILS[self.turn % len(TRAILS)] if path.startswith(TRAIL) else "auth"
        host, options = HOSTS[method, path], (WRITES | QUERIES).get((method, path), _nothing)(self)
        known = self.known | ({"encounter_id": self.bound} if path in OF_BOUND else {})
        filled = PARAMETER.sub(lambda match: known.get(match[1]) or new_id(match[1][:3]), path)
        if path in OF_HOSPITAL or path == RUNS or path.startswith(OF_CONSOLE):
            # No token of the loaded apps, or of the console, exists: the service is asked as the gateway would ask it.
            caller, service = (
                (self.hospital, "epcr")
                if path in OF_HOSPITAL
                else (self.neighbour, "control-plane")
                if path == RUNS
                else (self.console, known["service"])
            )
            url = self.stack.service_url(service) + filled
            return self.service.request(method, url, headers=self.stack.identity(caller, service), **options)
        return self.clients[host].request(method, filled, **options)

    def made(self, method: str, path: str) -> dict[str, Any]:
        answer = self.ask(method, path)
        assert answer.is_success, answer.text
        return answer.json()

    def _oldest(self, path: str) -> str | None:
        """The id of the last item on the first page, if there is one."""
        answer = self.clients["api"].get(f"{path}?limit=100").json()
        page = answer if isinstance(answer, list) else next(each for each in answer.values() if isinstance(each, list))
        return page[-1]["id"] if page else None

    def _observed(self) -> str:
        made = self.made("POST", DEVICES + "/{device_id}/observations")
        return made.get("id") or made["observation"]["id"]


def routes() -> Iterator[tuple[Route, str]]:
    """Every operation of the published contract, with the gateway host that answers it."""
    described = json.loads(CONTRACT.read_text())
    for path, item in described["paths"].items():
        for method in METHODS:
            if method in item:
                yield (method.upper(), path), "auth" if path.startswith(("/v1/", "/.well-known/")) else "api"


HOSTS = dict(routes())


def _nothing(_: Owner) -> dict[str, Any]:
    return {}


def _json(body: Callable[[Owner], dict[str, Any]]) -> Callable[[Owner], dict[str, Any]]:
    return lambda owner: {"json": body(owner)}


def _reading(owner: Owner) -> dict[str, Any]:
    at = datetime.now(UTC) - timedelta(milliseconds=next(_numbers) % 100_000)
    return {
        "mdc_code": "MDC_PULS_OXIM_PULS_RATE",
        "value": 72,
        "unit_code": "/min",
        "observed_at": at.isoformat(),
        "encounter_id": owner.known["encounter_id"],
    }


def _encounter(_: Owner) -> dict[str, Any]:
    return {
        "care_model": "prehospital_emergency",
        "vehicle_id": "AMB-42",
        "crew_ids": ["usr_1"],
        "cad_incident_id": new_id("cad"),
    }


def _webhook(owner: Owner) -> dict[str, Any]:
    return {"url": f"http://127.0.0.1:9/{next(_numbers)}", "events": ["incident.closed"]}


def _graphql(_: Owner) -> dict[str, Any]:
    document = ROOT / "services" / "graphql_api" / "bundles" / "incident-management" / "ListIncidents.graphql"
    # No loaded incident has that state; each third request is for all of them. Thirds, since requests alternate between two stacks.
    variables = {"filter": {"status": ["dispatched"]}} if next(_numbers) % 3 else {}
    return {"query": document.read_text(), "variables": variables}


WRITES: dict[Route, Callable[[Owner], dict[str, Any]]] = {
    ("POST", "/v1/oauth/token"): lambda owner: {"data": {"grant_type": "client_credentials"}, "auth": owner.basic},
    ("POST", "/v1/oauth/introspect"): lambda owner: {"data": {"token": "unknown"}, "auth": owner.basic},
    ("POST", "/v1/oauth/revoke"): lambda owner: {"data": {"token": "unknown"}, "auth": owner.basic},
    ("PATCH", "/v1/platform/apps/{client_id}"): _json(lambda _: {"name": f"Growth {next(_numbers) % 9}"}),
    ("PUT", "/v1/webhooks/{webhook_id}"): _json(lambda _: {"description": f"Growth {next(_numbers)}"}),
    ("POST", "/v1/webhooks"): _json(_webhook),
    ("POST", "/v1/webhooks/{webhook_id}/test"): lambda _: {},
    ("POST", "/v1/consumers"): _json(lambda _: {"name": new_id("growth"), "start": "beginning"}),
    ("POST", "/graphql"): _json(_graphql),
    ("POST", ENCOUNTERS): _json(_encounter),
    ("POST", DEVICES + "/enrol"): _json(
        lambda _: {"serial_number": f"growth-{next(_numbers) % 50}", "device_class": "multiparameter"}
    ),
    ("PATCH", DEVICES + "/{device_id}"): _json(lambda _: {"vehicle_id": f"AMB-{next(_numbers) % 9}"}),
    ("POST", DEVICES + "/{device_id}/observations"): _json(_reading),
    ("POST", DEVICES + "/{device_id}/observations:batch"): _json(
        lambda owner: {"observations": [_reading(owner) for _ in range(20)]}
    ),
}
FILTERS = ("", "subject_id", "actor", "client_id", "action", "trace_id")


def _filtered(owner: Owner) -> dict[str, Any]:
    """Each trail in turn without a filter, and then with each of them."""
    name = FILTERS[owner.turn // len(TRAILS) % len(FILTERS)]
    return {"params": {name: owner.entry[name]} if name else {}}


def _exported(owner: Owner) -> dict[str, Any]:
    """The entries of one record."""
    return {"params": {"since": owner.entry["at"].isoformat(), "subject_id": owner.entry["subject_id"]}}


QUERIES: dict[Route, Callable[[Owner], dict[str, Any]]] = {
    ("GET", RUNS): lambda _: {"params": [{}, {"status": "dead"}, {"status": "suppressed"}][next(_numbers) % 3]},
    # A code that no device sends.
    ("GET", f"{DEVICES}/{{device_id}}/observations"): lambda _: {
        "params": {"mdc_code": "MDC_TEMP_BODY"} if next(_numbers) % 3 else {}
    },
    ("GET", TRAIL): _filtered,
    ("GET", f"{TRAIL}/export"): _exported,
}
_BROWSER = "a page of the sign-in, which needs a browser; its statements are planned in tests/shared/test_plans.py"
_SAML = "reads a few rows of an organisation's configuration, which no load adds to"
_BY_KEY = "writes one row that its path or body names; its statements are planned in tests/shared/test_plans.py"
LEFT_OUT: dict[Route, str] = {
    **{
        route: "is an operator's, whose token a load does not have"
        for route in HOSTS
        if route[1].startswith("/v1/operations/")
    },
    ("GET", "/v1/oauth/authorize"): _BROWSER,
    ("POST", "/v1/oauth/device_authorization"): "needs an app for devices; an app and its tenant keep few of its rows",
    ("GET", "/api/v1/platform/agents/content/{package_id}/{version}"): "is asked by an agent with a secret of its own",
    (
        "GET",
        "/api/v1/epcr/emergencies",
    ): "no load opens emergencies; its statement is planned in tests/shared/test_plans.py",
    **{route: _SAML for route in HOSTS if route[0] == "GET" and route[1].startswith("/v1/saml/")},
    ("POST", "/v1/saml/metadata"): "reads the document in its body, and no row",
    ("POST", "/v1/webhooks"): "made once above and not in a loop: an app has at most so many",
    ("POST", "/v1/consumers"): "made once above and not in a loop: an app has at most so many",
    (
        "POST",
        "/v1/webhooks/try-filter",
    ): "reads the newest events alone; its statement is planned in tests/shared/test_plans.py",
    ("POST", "/v1/webhooks/{webhook_id}/test"): "is paced by what it sends, and by a limit of its own",
    **dict.fromkeys(
        [
            ("POST", "/v1/platform/apps"),
            ("DELETE", "/v1/platform/apps/{client_id}"),
            ("POST", "/v1/platform/apps/{client_id}/disable"),
            ("POST", "/v1/platform/apps/{client_id}/enable"),
            ("PATCH", "/v1/platform/apps/{client_id}/governance"),
            ("POST", "/v1/platform/apps/{client_id}/rotate-secret"),
            ("POST", "/v1/platform/apps/{client_id}/service-token"),
            ("DELETE", "/v1/platform/apps/{client_id}/service-tokens/{token_id}"),
            ("DELETE", "/v1/platform/apps/{client_id}/secrets/{secret_id}"),
            ("POST", "/v1/platform/integration-requests"),
            ("POST", "/v1/platform/integration-requests/{request_id}/withdraw"),
            ("POST", "/v1/platform/integration-requests/{request_id}/credentials"),
            ("PUT", "/v1/platform/users/{user_id}/role"),
            ("POST", "/v1/platform/users/{user_id}/leave"),
            ("POST", "/v1/platform/users/{user_id}/enable"),
            ("POST", "/v1/platform/users/{user_id}/reset-second-factor"),
            ("DELETE", "/v1/platform/users/{user_id}/sessions"),
            ("DELETE", "/v1/platform/users/{user_id}/sessions/{session_id}"),
            ("POST", "/v1/platform/invitations"),
            ("POST", "/v1/platform/invitations/{invitation_id}/resend"),
            ("POST", "/v1/platform/invitations/{invitation_id}/withdraw"),
            ("POST", "/v1/platform/sandboxes"),
            ("POST", "/v1/platform/sandboxes/{sandbox_id}/reset"),
            ("DELETE", "/v1/platform/sandboxes/{sandbox_id}"),
            ("POST", "/v1/platform/sandboxes/{sandbox_id}/scenarios/{scenario}"),
            ("POST", "/v1/platform/sandboxes/{sandbox_id}/clock"),
            ("POST", "/v1/saml/connections"),
            ("PATCH", "/v1/saml/connections/{connection_id}"),
            ("DELETE", "/v1/saml/connections/{connection_id}"),
            ("DELETE", "/v1/saml/connections/{connection_id}/users/{user_id}"),
            ("POST", "/v1/saml/connections/{connection_id}/domains"),
            ("DELETE", "/v1/saml/connections/{connection_id}/domains/{domain}"),
            ("POST", "/v1/saml/connections/{connection_id}/domains/{domain}/prove"),
            ("PUT", "/v1/saml/policy"),
            ("PUT", "/api/v1/epcr/sender"),
            ("POST", "/api/v1/epcr/destinations"),
            ("PATCH", "/api/v1/epcr/destinations/{destination_id}"),
            ("DELETE", "/api/v1/epcr/destinations/{destination_id}"),
            ("PUT", ENCOUNTERS + "/{encounter_id}/destination"),
            ("DELETE", ENCOUNTERS + "/{encounter_id}/destination"),
            ("POST", ENCOUNTERS + "/{encounter_id}/handover/emergency"),
            ("POST", ENCOUNTERS + "/{encounter_id}/outcome"),
            ("POST", ENCOUNTERS + "/{encounter_id}/outcome-bundle"),
            ("DELETE", "/v1/webhooks/{webhook_id}"),
            ("POST", "/v1/webhooks/{webhook_id}/rotate-signing-key"),
            ("PUT", "/v1/webhooks/contacts"),
            ("POST", "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/retry"),
            ("POST", "/v1/webhooks/{webhook_id}/recover"),
            ("POST", "/v1/webhooks/{webhook_id}/replays"),
            ("POST", "/v1/webhooks/{webhook_id}/replays/{replay_id}/stop"),
            ("POST", "/v1/webhooks/{webhook_id}/replays/{replay_id}/resume"),
            ("DELETE", "/v1/consumers/{consumer_name}"),
            *(("POST", f"/v1/consumers/{{consumer_name}}/{call}") for call in ("read", "commit", "extend", "seek")),
            *(route for route in HOSTS if route[1].startswith("/api/v1/acqi/report")),
            *(route for route in HOSTS if route[0] != "GET" and route[1].startswith("/api/v1/platform/")),
        ],
        _BY_KEY,
    ),
}


def measured() -> list[Route]:
    """The routes with a case: every read, and the writes listed above."""
    return [route for route in HOSTS if route not in LEFT_OUT and (route[0] == "GET" or route in WRITES)]


def forgotten() -> set[Route]:
    """Routes of the contract with neither a case nor a reason, and cases and reasons of routes that do not exist any more."""
    return (HOSTS.keys() - set(measured()) - LEFT_OUT.keys()) | (
        (WRITES.keys() | QUERIES.keys() | LEFT_OUT.keys()) - HOSTS.keys()
    )


pytestmark = pytest.mark.bench
SCALE = float(os.environ.get("BENCH_SCALE", "1"))
# Encounters of the organisation that has most, and is suspended, before the factor.
MANY = int(os.environ.get("BENCH_LARGE", str(Sizes().large)))
A_PAGE = 0.0005
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
REQUESTS = int(os.environ.get("BENCH_REQUESTS", "50"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "10"))
MOST = 1.5
# Smaller differences come from the machine, not from the statements.
NOISE_MS = 5.0
TIMES = 3
SLOWER = "  slower"
DISABLED_WITHIN = 2.0


def sizes(scale: float) -> Sizes:
    return Sizes().with_large(MANY).scaled(scale)


@dataclass
class Side:
    """One of the two stacks. Its healthy webhook belongs to another organisation than the large webhook."""

    running: RunningStack
    rig: Rig
    owner: Owner = field(init=False)

    def begin(self) -> None:
        stack = self.rig.stack
        self.rig.api.close()
        self.rig.tenant, self.rig.api = stack.other.id, stack.client("auth", stack.other.access_token)
        self.rig.subscribe("/hook", "incident.updated")
        self.owner = Owner(stack)


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Side, Side]]:
    """The new stack and the loaded one. The consumer of the waiting messages is stopped before they are written."""
    with ExitStack() as stack:
        made = []
        for name in ("new", "loaded"):
            running = RunningStack(tmp_path_factory.mktemp(name) / "state")
            started = running.start()
            stack.callback(running.delete)
            stack.callback(running.stop)
            port = free_port()
            stack.enter_context(receiver_process(port))
            made.append(Side(running, Rig(started, port)))
            stack.callback(made[-1].rig.close)
        new, loaded = made
        worker = loaded.rig.stack.pid("graphql-api", "worker")
        os.kill(worker, signal.SIGSTOP)
        stack.callback(os.kill, worker, signal.SIGCONT)
        for side, scale in ((new, A_PAGE), (loaded, SCALE)):
            load(side.running.state, sizes(scale), side.rig.target, Progress())
        for side in made:
            side.begin()
            stack.callback(side.owner.close)
        yield new, loaded


def test_every_route_has_a_case_or_a_reason() -> None:
    assert forgotten() == set()


def test_every_route_takes_as_long_as_on_a_new_stack(sides: tuple[Side, Side]) -> None:
    """The machine's other work varies: a route counts as slower only if it is slower in each of `TIMES` comparisons."""
    slow = []
    print(f"\nscale {SCALE:g}: {'p99 ms of':<64} {'new':>8} {'loaded':>8} {'times':>6}  p50")
    for route in measured():
        found = next(
            (line for line in (compared(route, *sides) for _ in range(TIMES)) if not line.endswith(SLOWER)), None
        )
        if found is None:
            slow.append(" ".join(route))
    assert slow == []


def compared(route: Route, new: Side, loaded: Side) -> str:
    """A line of the table, which ends with SLOWER if the route is slower. Requests to the two stacks alternate."""
    rounds = [answers(route, new, loaded) for _ in range(ROUNDS)]
    before, after = (statistics.median(percentile(took[side], 99) for took in rounds) for side in (0, 1))
    middle = [statistics.median(percentile(took[side], 50) for took in rounds) for side in (0, 1)]
    shown = f"{route[0]:<7}{route[1]:<72} {before:>8.1f} {after:>8.1f} {after / before:>6.2f}  {middle[0]:.1f} → {middle[1]:.1f}"
    print(line := shown + (SLOWER if is_slower(before, after) else ""), flush=True)
    return line


def is_slower(before: float, after: float) -> bool:
    return after > MOST * before and after - before > NOISE_MS


def test_a_healthy_webhook_is_as_fast_during_other_work(sides: tuple[Side, Side]) -> None:
    """Each row is measured together with the new, idle stack in the same minutes."""
    new, loaded = sides
    print(f"\nscale {SCALE:g}: {'p99 ms from event to request, at 100/s':<44} {'new':>8} {'loaded':>8} {'times':>6}")
    slow = [
        line
        for name, begin in (
            ("nothing else", lambda: None),
            ("the large webhook comes back", lambda: enable(loaded)),
            ("its app is disabled", lambda: disable(loaded)),
            ("its organisation is suspended", lambda: suspend(loaded)),
            ("retention runs", lambda: expire(loaded)),
        )
        for line in [measured_during(name, begin, new, loaded)]
        if line
    ]
    assert slow == []


def measured_during(name: str, begin: Callable[[], object], new: Side, loaded: Side) -> str:
    """A row that is slower is measured further, at most `TIMES` times as long, and judged by all of its rounds."""
    begin()
    rounds, before, after = list[tuple[float, float]](), 0.0, 0.0
    for _ in range(TIMES):
        rounds += rounds_of(lambda side: percentile(side.rig.offer(100, SECONDS), 99), new, loaded)
        before, after = (statistics.median(of_side) for of_side in zip(*rounds, strict=True))
        if not is_slower(before, after):
            break
    line = f"{name:<53} {before:>8.1f} {after:>8.1f} {after / before:>6.2f}"
    print(line, flush=True)
    return line if is_slower(before, after) else ""


def rounds_of(measure: Callable[[Side], float], new: Side, loaded: Side) -> Iterator[tuple[float, float]]:
    """Of the new and of the loaded side, which take turns at being first."""
    for number in range(ROUNDS):
        if number % 2:
            before, after = measure(new), measure(loaded)
        else:
            after, before = measure(loaded), measure(new)
        yield before, after


def answers(route: Route, *sides: Side) -> tuple[list[float], ...]:
    """The milliseconds of each request on each side, after one that does not count."""
    took: tuple[list[float], ...] = tuple([] for _ in sides)
    for number in range(REQUESTS + 1):
        for side, kept in zip(sides, took, strict=True):
            began = time.perf_counter()
            answer = side.owner.ask(*route)
            if number:
                kept.append((time.perf_counter() - began) * 1000)
            assert answer.status_code < 500, f"{route}: {answer.text}"
    return took


def large_webhook(side: Side) -> tuple[str, str]:
    """Id and app of the webhook for which two thirds of all deliveries wait."""
    with side.rig.stack.database("webhook-dispatcher", "migrator") as conn:
        row = conn.execute(
            "SELECT id, client_id FROM subscriptions WHERE url LIKE %s", (f"%/loaded/{LARGE}",)
        ).fetchone()
    assert row
    return row


def enable(side: Side) -> None:
    webhook, app = large_webhook(side)
    caller = Caller(
        tenant_id=side.rig.stack.tenant.id, client_id=app, scopes=frozenset({"webhooks:write"}), token_use="access"
    )
    url = f"{side.rig.stack.service_url('webhook-dispatcher')}/v1/webhooks/{webhook}"
    headers = side.rig.stack.identity(caller, "webhook-dispatcher")
    answer = httpx2.put(url, json={"enabled": True}, headers=headers, timeout=30, trust_env=False)
    assert answer.status_code == 200, answer.text
    wait_for(lambda: last_attempt(side, webhook) is not None, 60, "the large webhook to come back")


def disable(side: Side) -> None:
    webhook, app = large_webhook(side)
    side.owner.clients["auth"].post(f"/v1/platform/apps/{app}/disable").raise_for_status()
    answered = time.time()
    wait_for(lambda: time.time() - (last_attempt(side, webhook) or 0) > 5, 60, "the last delivery to the disabled app")
    late = (last_attempt(side, webhook) or answered) - answered
    print(f"{'… the last request to it began':<53} {max(0.0, late):>17.2f} s after the answer")
    assert late <= DISABLED_WITHIN


def last_attempt(side: Side, webhook: str) -> float | None:
    """The start of the webhook's newest request, in Unix seconds."""
    with side.rig.stack.database("webhook-dispatcher", "migrator") as conn:
        row = conn.execute(
            "SELECT extract(epoch FROM max(a.at))::float8 FROM attempts a JOIN deliveries d ON d.id = a.delivery_id"
            " WHERE d.subscription_id = %s AND a.at > now() - interval '2 minutes'",
            (webhook,),
        ).fetchone()
    return row[0] if row else None


def suspend(side: Side) -> None:
    began = time.perf_counter()
    side.rig.stack.operate("auth", "tenant", "suspend", side.rig.stack.tenant.id)
    print(f"{f'… with {sizes(SCALE).large:,} encounters; the command':<53} {time.perf_counter() - began:>17.2f} s")


def expire(side: Side) -> None:
    """Adds rows, a tenth of the load, that have been past their retention for a day, in every service."""
    number = max(1000, int(300_000 * SCALE))
    for service in side.rig.stack.described["services"]:
        with side.rig.stack.database(service, "migrator") as conn:
            conn.execute(
                "INSERT INTO inbox SELECT gen_random_uuid(), %s, now() - interval '31 days' FROM generate_series(1, %s)",
                (side.rig.stack.other.id, number),
            )
    wait_for(lambda: overdue(side) < number, 120, "retention to begin")


def overdue(side: Side) -> int:
    with side.rig.stack.database("webhook-dispatcher", "migrator") as conn:
        row = conn.execute("SELECT count(*) FROM inbox WHERE received_at < now() - interval '30 days'").fetchone()
    return row[0] if row else 0
