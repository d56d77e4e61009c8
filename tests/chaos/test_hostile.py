"""Four attackers send the costliest bodies as fast as the limits allow; another tenant's calls stay as fast as before."""

import base64
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest

from shared.primitives.ids import new_id
from tests.auth.federation import metadata_of, usual_signer
from tests.chaos.attacking import BYTES
from tests.chaos.others import (
    NOTHING,
    Seconds,
    compared,
    cpu_seconds,
    everyday,
    rounds,
    stub,
    too_many_are_slow,
    unprivileged,
    waited_seconds,
)
from tests.hostile.shapes import FORM, JSON, XML, Shape, as_base64
from tests.support.records import heavy
from tests.support.stack import App, Stack

pytestmark = pytest.mark.chaos
ROOT = Path(__file__).parents[2]
SLICES, TURNS = 20, 40
SYSTEM, STUB, NOBODY = "the system", "a stub", "nobody"
INFORMED = "the system, as one who knows the budget of refused bytes"
"""The same attackers: nine of ten bodies are as long as always pass, and the tenth takes up the budget whenever there is any."""
LONGEST = 1.0
ATTACKERS, PER_SECOND = 4, 20
REACHED = 0.8
"""The share of their rate that the attackers must reach. A turn begins and ends with a moment in which fewer requests are sent, and large
bodies of an attacker wait for one another."""
SCOPES = ["webhooks:write", "argus:epcr:write", "argus:epcr:handover", "argus:devices:write", "argus:acqi:read"]
BODIES = ("exponents", "decimals of 40 digits", "lists and objects 60 deep", "objects of one member", "many members")
ACQI = '{acqiMetrics(fromDate:"2026-01-01T00:00:00Z",toDate:"2026-02-01T00:00:00Z"){%s}}' % ("value " * 45)


class Attack(NamedTuple):
    """The requests of an attacker to one host with one token."""

    host: str
    method: str
    path: str
    content_type: str
    bodies: list[bytes]
    headers: tuple[tuple[str, str], ...] = ()


def bodies(connection: str, device: str, most: int = 1_000_000, most_of_xml: int = 1_000_000) -> list[Attack]:
    """The costliest requests that are refused, and the costliest query that is answered."""
    json_type, form_type = "application/json", "application/x-www-form-urlencoded"
    graphql = [json.dumps({"query": ACQI + "#" * number}).encode() for number in range(1000, 1020)]
    xml = [answer(shape, 250_000, most_of_xml) for shape in XML.values()]

    def shaped(size: int) -> list[bytes]:
        return [JSON[name](min(size, most)) for name in BODIES]

    form, parts = min(65_000, most), min(12_000, most // 5)
    return [
        Attack("api", "POST", "/api/v1/epcr/encounters", json_type, shaped(1_000_000)),
        Attack("api", "POST", f"/api/v1/devices/{device}/observations:batch", json_type, shaped(500_000)),
        Attack("api", "POST", "/graphql", json_type, [*graphql, *shaped(130_000)]),
        Attack("auth", "POST", "/v1/webhooks", json_type, shaped(65_000)),
        Attack("auth", "POST", "/v1/oauth/token", form_type, [shape(form) for shape in FORM.values()]),
        Attack("auth", "POST", "/v1/oauth/token", "multipart/form-data; boundary=a", [b"--a\r\n" * parts]),
        Attack("auth", "POST", f"/v1/saml/{connection}/acs", form_type, xml),
        Attack("api", "GET", "/api/v1/devices?" + "a=%41&" * 1300, json_type, [b""]),
        Attack(
            "api", "GET", "/api/v1/devices", json_type, [b""], tuple((f"x-{number}", "," * 200) for number in range(90))
        ),
        Attack(
            "api", "POST", "/api/v1/epcr/encounters", json_type, [b"\x1f\x8b" * 400], (("content-encoding", "gzip"),)
        ),
    ]


def answer(shape: Shape, size: int, most: int) -> bytes:
    """A form with a SAML answer of `size` bytes, of fewer where the form has more than `most`."""
    form = b"SAMLResponse=" + quote(as_base64(shape)(size), safe="").encode()
    return form if len(form) <= most else answer(shape, min(size - 1, size * most // len(form)), most)


def beside_the_budget(connection: str, device: str) -> list[tuple[Attack, bytes]]:
    """Bodies just as long as pass also beyond the budget; after nine of them one that is as long as a path allows."""
    small = one_by_one(bodies(connection, device, 16 << 10, 32 << 10))
    large = cycle(one_by_one(bodies(connection, device)[:1]))
    return [one for start in range(0, len(small), 9) for one in (*small[start : start + 9], next(large))]


def one_by_one(attacks: list[Attack]) -> list[tuple[Attack, bytes]]:
    return [(attack, body) for attack in attacks for body in attack.bodies]


def records(encounter: str) -> list[Attack]:
    """The largest record is stored, listed, read, exported and handed over."""
    one, json_type = f"/api/v1/epcr/encounters/{encounter}", "application/json"
    handovers = [f"{one}/handover?format={form}" for form in ("json", "document", "pdf")]
    exports = [f"{one}/fhir-bundle", f"{one}/fhir-bundle?max_entries=50"]
    stored = [json.dumps(heavy(cad_incident_id=new_id("cad"))).encode() for _ in range(3)]
    return [
        Attack("api", "POST", "/api/v1/epcr/encounters", json_type, stored),
        *(
            Attack("api", "GET", path, json_type, [b""])
            for path in ("/api/v1/epcr/encounters?limit=100", one, *exports, *handovers)
        ),
    ]


def written(stack: Stack, attack: Attack, body: bytes, token: str) -> bytes:
    described = stack.described
    fields = {
        "host": f"{described['hosts'][attack.host]}:{stack.port}",
        "authorization": f"Bearer {token}",
        "content-type": attack.content_type,
        "content-length": str(len(body)),
        "connection": "close",
    }
    if "/saml/" in attack.path or "/oauth/" in attack.path:
        del fields["authorization"]
    lines = [
        f"{attack.method} {attack.path} HTTP/1.1",
        *(f"{n}: {v}" for n, v in (fields | dict(attack.headers)).items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Attackers:
    """Four attackers, each with its own app; `answers` counts the answers that they got, `sent` bytes, `seconds` their time, by target."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._target, self._since = NOBODY, time.perf_counter()
        self.answers: dict[str, dict[str, int]] = {}
        self.sent: dict[str, int] = {}
        self.seconds: Counter[str] = Counter()

    @property
    def pid(self) -> int:
        return self._process.pid

    def turn_to(self, name: str) -> None:
        """Attacks that target from now on, or none for NOBODY. Returns when all requests to other targets are answered."""
        now = time.perf_counter()
        self.seconds[self._target] += now - self._since  # pyright: ignore[reportArgumentType] - a Counter adds any numbers
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{name}\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == f"{name}\n"
        self._target, self._since = name, time.perf_counter()

    def rate(self, name: str) -> float:
        """Answers a second from that target."""
        return sum(self.answers[name].values()) / self.seconds[name]

    def end(self) -> None:
        output, _ = self._process.communicate()
        self.answers = json.loads(output)
        self.sent = {name: counts.pop(BYTES, 0) for name, counts in self.answers.items()}


@contextmanager
def attackers(stack: Stack, tmp_path: Path, per_second: float, *, with_records: bool) -> Iterator[Attackers]:
    """Starts the attackers, without a target at first."""
    connection = saml_connection(stack)
    plans: list[dict[str, Any]] = []
    for _ in range(ATTACKERS):
        app = stack.register_app(SCOPES)
        token = stack.token(app, " ".join(SCOPES))
        device = enrolled(stack, token)
        attacks = bodies(connection, device)
        if with_records:
            attacks += records(stored_encounter(stack, app, token))
        usual = one_by_one(attacks)
        requests = {
            target: [base64.b64encode(written(stack, attack, body, token)).decode() for attack, body in chosen]
            for target, chosen in ((SYSTEM, usual), (INFORMED, beside_the_budget(connection, device)))
        }
        requests[STUB] = []
        plans.append({"per_second": per_second, "requests": requests})
    file = tmp_path / "plan.json"
    with stub() as port:
        file.write_text(
            json.dumps({"ports": {SYSTEM: stack.port, INFORMED: stack.port, STUB: port}, "attackers": plans})
        )
        command = [sys.executable, "-m", "tests.chaos.attacking", str(file)]
        process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=unprivileged
        )
        them = Attackers(process)
        try:
            yield them
        finally:
            them.end()


def enrolled(stack: Stack, token: str) -> str:
    with stack.client("api", token) as api:
        answer = api.post("/api/v1/devices/enrol", json={"serial_number": new_id("sn"), "device_class": "oximeter"})
    return answer.json()["id"]


def stored_encounter(stack: Stack, app: App, token: str) -> str:
    """The largest record, in an encounter that is bound for a destination of the attacker."""
    with stack.client("api", token) as api:
        answer = api.post("/api/v1/epcr/encounters", json=heavy(cad_incident_id=new_id("cad")))
        assert answer.status_code == 201, answer.text
        id = answer.json()["id"]
    with stack.client("api", stack.admin_token) as admin:
        draft = {
            "name": "A hospital",
            "code": new_id("c"),
            "code_system": "urn:oid:1.2.3",
            "type": "emergency_department",
            "client_id": app.client_id,
            "legal_basis": "provision_of_care",
        }
        made = admin.post("/api/v1/epcr/destinations", json=draft)
        assert made.status_code == 201, made.text
        bound = admin.put(f"/api/v1/epcr/encounters/{id}/destination", json={"destination_id": made.json()["id"]})
        assert bound.status_code == 200, bound.text
    return id


def saml_connection(stack: Stack) -> str:
    """An active connection; its id is public, because everyone sees it on the sign-in page."""
    with stack.database("auth", "migrator") as conn:
        conn.execute("UPDATE tenants SET federation = true WHERE tenant_id = %s", (stack.tenant.id,))
    draft = {"name": "Works", "metadata_xml": metadata_of(f"https://{new_id('x')}.example/m", usual_signer())}
    with stack.client("auth", stack.admin_token) as auth:
        answer = auth.post("/v1/saml/connections", json=draft)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def test_the_worst_bodies_of_four_attackers_slow_nobody_else(
    stack: Stack, tmp_path: Path, record_property: Any
) -> None:
    taken, figures = attacked(stack, tmp_path, record_property, with_records=False)
    for who in (SYSTEM, INFORMED):
        assert json.loads(figures)["attackers"][who]["429"] > 0, f"the budget has its usual size\n{figures}"
    judge(taken, figures)


def test_the_largest_records_of_four_attackers_slow_nobody_else(
    stack: Stack, tmp_path: Path, record_property: Any
) -> None:
    """Valid records are stored and exported for those who send them: this work is epcr's, with its answers on one event loop."""
    taken, figures = attacked(stack, tmp_path, record_property, with_records=True)
    judge(taken, figures)


def judge(taken: dict[str, Seconds], figures: str) -> None:
    for name in taken[NOBODY].keys() - {NOTHING}:
        usual, control = (taken[who][name] for who in (NOBODY, STUB))
        for who in taken.keys() - {NOBODY, STUB}:
            assert not too_many_are_slow(usual, control, taken[who][name]), f"{name}, {who}\n{figures}"
            assert max(taken[who][name]) <= LONGEST, f"{name}, {who}\n{figures}"


def attacked(
    stack: Stack, tmp_path: Path, record_property: Any, *, with_records: bool
) -> tuple[dict[str, Seconds], str]:
    """The seconds of others' calls by target, and all figures as text.

    The target alternates between none, a stub and the system, so that the machine's disturbances affect all of them equally.
    """
    informed = () if with_records else (INFORMED,)
    taken: dict[str, Seconds] = {who: {} for who in (NOBODY, STUB, SYSTEM, *informed)}
    cpu: dict[str, Counter[str]] = {who: Counter() for who in taken}
    waited: dict[str, Counter[str]] = {who: Counter() for who in taken}
    with everyday(stack) as calls, attackers(stack, tmp_path, PER_SECOND, with_records=with_records) as them:
        beside = {"the attackers": them.pid, "the measured client": os.getpid()}
        rounds(calls, TURNS)  # warm
        for _ in range(SLICES):
            for who in taken:
                them.turn_to(who)
                time.sleep(0.3)  # until the attack has begun, which no condition shows
                spent, waits = cpu_seconds(stack, beside), waited_seconds(stack, beside)
                for name, seconds in rounds(calls, TURNS).items():
                    taken[who].setdefault(name, []).extend(seconds)
                cpu[who] += Counter(cpu_seconds(stack, beside)) - Counter(spent)
                waited[who] += Counter(waited_seconds(stack, beside)) - Counter(waits)
        them.turn_to(NOBODY)
    processors = {
        name: {who: f"{cpu[who][name]:.2f} and {waited[who][name]:.2f}" for who in cpu} for name in cpu[SYSTEM]
    }
    rates = {who: round(them.rate(who), 1) for who in (STUB, SYSTEM, *informed)}
    megabytes = {who: round(them.sent[who] / them.seconds[who] / 1e6, 1) for who in rates}
    figures = json.dumps(
        {
            "calls": compared(taken),
            "attackers": them.answers,
            "answers a second": rates,
            "megabytes a second": megabytes,
            "seconds of processors, and of waiting for one": processors,
        },
        indent=1,
    )
    record_property("figures", figures)
    sys.stderr.write(figures + "\n")
    for who in rates:
        # They get only the CPU time that the system leaves. A weaker attack than is stated would prove nothing.
        assert rates[who] >= REACHED * ATTACKERS * PER_SECOND, figures
        assert them.answers[who].get("none", 0) <= 0.01 * sum(them.answers[who].values()), figures
    return taken, figures
