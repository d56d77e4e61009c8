"""An organisation that creates as much as the limits allow, for minutes, slows no other, and gateways forget its revocations in time."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID

import httpx2
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from deploy.local.table import ROOT
from services.auth.caps import THINGS
from services.auth.revocations.watermarks import TENANT_MOST
from shared.primitives.ids import new_id
from tests.chaos.hoarding import TOO_MANY
from tests.chaos.others import (
    NOTHING,
    TIMES,
    Calls,
    Seconds,
    compared,
    everyday,
    p99,
    rounds,
    stub,
    unprivileged,
    while_there_are,
)
from tests.support.stack import App, Stack
from tests.support.waiting import wait_for

pytestmark = pytest.mark.chaos
TOKENS = int(os.environ.get("HOARDED_TOKENS", "10000"))
APPS = int(os.environ.get("HOARDED_APPS", "5000"))
WAITING = 280
ADMINS = 6
"""Apps that administer the organisation, made by an operator. Each has its own rate limit of 1,200 calls a minute."""
TOGETHER = 40
"""Calls in a second that pass of all apps of an organisation together, twice those of one."""
CALLS = 400
STUB_TOKENS = 1200
"""Tokens that are minted from a stub, in half a minute."""
WITHIN = 1.0
"""Seconds from the answer to a revocation until the gateway refuses the token."""
AT_A_CAP = {f"409 limit-reached {THINGS[name]}" for name in ("apps", "apps_a_day")}
"""The outcomes of a registration beyond the organisation's number of apps, or beyond its number within a day."""
TENANTS, EACH = 100, 100
"""Organisations that revoke 100 tokens each at the same moment."""


@contextmanager
def silent_receiver() -> Iterator[str]:
    """Accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"


def plan(stack: Stack, url: str) -> dict[str, Any]:
    """The demo organisation's part: administering apps that mint tokens, two that register apps, and apps that wait for webhook tests."""
    admins = [
        App(*stack.operate("auth", "first-party", "create", stack.tenant.id, "Administration", "platform:apps").split())
        for _ in range(ADMINS)
    ]
    tokens = [stack.token(admin, "platform:apps") for admin in admins]
    waiters: list[dict[str, str]] = []
    for _ in range(14):
        token = stack.app_token("webhooks:write")
        with stack.client("auth", token) as client:
            draft = {"url": url, "events": ["incident.created"]}
            made = client.post("/v1/webhooks", json=draft)
        assert made.status_code == 201, made.text
        path = f"/v1/webhooks/{made.json()['id']}/test?wait=true"
        waiters += [{"token": token, "path": path}] * (WAITING // 14)
    minters = [{"token": token, "id": stack.register_app(["webhooks:read"]).client_id} for token in tokens[2:]]
    return {
        "port": stack.port,
        "host": f"{stack.described['hosts']['auth']}:{stack.port}",
        "minters": minters,
        "makers": tokens[:2],
        "waiters": waiters,
        "tokens": TOKENS,
        "apps": APPS,
    }


def gateway_metrics(stack: Stack) -> dict[str, float]:
    """The gateway's watermarks, in number and as a share of the limit, and its memory in MiB."""
    text = httpx2.get(f"{stack.described['gateway_ops']}/metrics", trust_env=False).text
    samples = {
        sample.name: sample.value for family in text_string_to_metric_families(text) for sample in family.samples
    }
    return {
        "watermarks": samples["gateway_revocations_listed"],
        "filled": samples["gateway_revocations_filled_ratio"],
        "MiB": round(psutil.Process(stack.pid("gateway")).memory_info().rss / 2**20, 1),
    }


def reach(stack: Stack, client_id: str) -> float:
    """Seconds until the gateway refuses a token that another organisation's administrator has revoked."""
    path = f"/v1/platform/apps/{client_id}/service-token"
    with stack.client("auth", stack.other.access_token) as admin:
        minted = admin.post(path).raise_for_status().json()
        with stack.client("auth", minted["token"]) as holder:
            assert holder.get("/v1/platform/scopes").status_code == 200
            admin.delete(f"{path}s/{minted['id']}").raise_for_status()
            began = time.perf_counter()
            while holder.get("/v1/platform/scopes").status_code == 200:
                assert time.perf_counter() - began < 10, "the revocation never reached the gateway"
            return time.perf_counter() - began


def while_hoarding(
    calls: Calls, file: Path, plan: dict[str, Any], each_turn: Callable[[int], None]
) -> tuple[Seconds, dict[str, Any]]:
    """The seconds of each call during the hoarding, and the answers to the hoarder."""
    file.write_text(json.dumps(plan))
    command = [sys.executable, "-m", "tests.chaos.hoarding", str(file)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, preexec_fn=unprivileged)

    def turns() -> Iterator[None]:
        for number in count():
            if process.poll() is not None:
                return
            each_turn(number)
            yield

    try:
        taken = while_there_are(calls, turns())
        output, _ = process.communicate()
    finally:
        with suppress(ProcessLookupError):
            process.kill()
    return taken, json.loads(output)


def revoke_at_once(stack: Stack) -> float:
    """`TENANTS` new organisations revoke tokens, each in its own transaction. Returns the seconds until the gateway has the last one."""
    before = gateway_metrics(stack)["watermarks"]
    moment = int(time.time() * 1000) - 1000
    with stack.database("auth", "migrator") as conn:
        conn.autocommit = True
        for number in range(TENANTS):
            ids = [str(UUID(int=(moment << 80) | 0x7 << 76 | 0x8 << 60 | number << 16 | each)) for each in range(EACH)]
            with conn.transaction():
                conn.execute("SELECT set_config('app.tenant_id', %s, true)", (f"org_seeded{number}",))
                conn.execute(
                    "SELECT revoke_tokens('token', %s, %s, interval '1 hour', 1000, 5000)", (ids, new_id("app"))
                )
    began = time.perf_counter()
    wait_for(lambda: gateway_metrics(stack)["watermarks"] >= before + TENANTS * EACH)
    return time.perf_counter() - began


def test_an_organisation_that_hoards_slows_nobody_else_and_fills_no_gateway(
    stack: Stack, tmp_path: Path, record_property: Any
) -> None:
    """The same load goes to a stub first, which shows the machine's share."""
    reached: list[float] = []
    held: list[dict[str, float]] = []
    other = stack.register_app(["webhooks:read"], stack.other.access_token).client_id

    def look(turn: int) -> None:
        if turn % 20 == 0:
            reached.append(reach(stack, other))
            held.append(gateway_metrics(stack))

    def look_as_often(turn: int) -> None:
        if turn % 20 == 0:
            reach(stack, other)
            gateway_metrics(stack)

    taken: dict[str, Seconds] = {}
    with everyday(stack) as calls, silent_receiver() as url, stub() as port:
        planned = plan(stack, url)
        rounds(calls, 100)  # warm
        held.append(gateway_metrics(stack))
        alone = [reach(stack, other) for _ in range(10)]
        taken["nobody"] = rounds(calls, CALLS)
        on_a_stub = planned | {"port": port, "tokens": min(TOKENS, STUB_TOKENS), "apps": 0}
        taken["a stub"], _ = while_hoarding(calls, tmp_path / "stub.json", on_a_stub, look_as_often)
        taken["the system"], answers = while_hoarding(calls, tmp_path / "plan.json", planned, look)
        seeded = revoke_at_once(stack)
        held.append(gateway_metrics(stack))
        after = [reach(stack, other) for _ in range(10)]
    figures = {
        "calls": compared(taken),
        "what became of it": answers,
        "revocations of another organisation reach the gateway in": {
            "before": f"{max(alone) * 1e3:.0f} ms at most",
            "meanwhile": f"median {median(reached) * 1e3:.0f} ms, {max(reached) * 1e3:.0f} ms at most, of {len(reached)}",
            f"with {TENANTS * EACH} of {TENANTS} organisations more": f"{max(after) * 1e3:.0f} ms at most",
        },
        "seconds until the gateway held those": round(seeded, 2),
        "the gateway holds": {
            "before": held[0],
            "at most": max(held[:-1], key=lambda one: one["watermarks"]),
            "at the end": held[-1],
        },
    }
    text = json.dumps(figures, indent=1)
    record_property("figures", text)
    sys.stderr.write(text + "\n")
    assert answers["mint"]["201"] >= TOKENS
    assert answers["mint"].keys() <= {"201", TOO_MANY}, text
    assert set(answers["waiting test"]) <= {"200", TOO_MANY}, text
    apps = answers["app"]
    assert apps.keys() <= {"201", TOO_MANY, *AT_A_CAP}, text
    passed = sum(sum(one.values()) - one.get(TOO_MANY, 0) for one in answers.values() if isinstance(one, dict))
    assert passed <= TOGETHER * (answers["seconds"] + 60), text
    assert apps["201"] >= 1, text
    assert sum(apps.get(cap, 0) for cap in AT_A_CAP) >= APPS - apps["201"], text
    assert max(*reached, *after, seeded) <= WITHIN, text
    assert max(one["watermarks"] for one in held[:-1]) <= held[0]["watermarks"] + 1.1 * TENANT_MOST, text
    for name in calls.keys() - {NOTHING}:
        usual, control, hoarded = (p99(seconds[name]) for seconds in taken.values())
        assert hoarded <= TIMES * max(usual, control), f"{name}\n{text}"
