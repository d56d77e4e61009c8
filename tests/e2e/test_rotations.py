"""Every secret that its owner rotates lives until its stated end, also when its successor is rotated."""

import base64
import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from knogin.webhooks import InvalidWebhook, verify
from tests.support.receiver import Receiver, running
from tests.support.stack import App, Stack
from tests.support.waiting import wait_for

MOST = 5


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with running(Receiver()) as receiver:
        yield receiver


class Rotatable(ABC):
    """A new app's or webhook's first secret, and the calls about it."""

    client: httpx2.Client
    pending: str
    """The member of the 409 that names the earlier ones."""
    has_overlap = True

    @abstractmethod
    def rotate(self, **body: Any) -> httpx2.Response: ...

    @abstractmethod
    def made(self, answer: httpx2.Response) -> str:
        """The new secret of a rotation, or the public half of the new key."""

    @abstractmethod
    def works(self, secrets: list[str]) -> list[bool]: ...

    @abstractmethod
    def ends(self) -> dict[str, str]:
        """The stated end of each earlier one, oldest first, by its id, fingerprint or public key."""


class AppSecret(Rotatable):
    pending = "pending_secrets"

    def __init__(self, stack: Stack, client: httpx2.Client, receiver: Receiver) -> None:
        self.stack, self.client, self.app = stack, client, stack.register_app(["webhooks:write"])
        self.first = self.app.client_secret
        self.path = f"/v1/platform/apps/{self.app.client_id}"

    def rotate(self, **body: Any) -> httpx2.Response:
        return self.client.post(f"{self.path}/rotate-secret", json=body)

    def made(self, answer: httpx2.Response) -> str:
        return answer.json()["client_secret"]

    def works(self, secrets: list[str]) -> list[bool]:
        with self.stack.client("auth") as client:
            return [mint(client, App(self.app.client_id, one)) == 200 for one in secrets]

    def ends(self) -> dict[str, str]:
        shown = self.client.get(self.path).json()["secrets"]
        return {one["id"]: one["expires_at"] for one in reversed(shown) if one["expires_at"] is not None}


class Signing(Rotatable):
    """Signs a webhook's deliveries. A test that is waited for shows all signatures."""

    def __init__(self, stack: Stack, client: httpx2.Client, receiver: Receiver) -> None:
        self.client, self.receiver, self.first = client, receiver, new_secret()
        owner = stack.register_app(["webhooks:write"])
        made = stack.subscribe(
            stack.token(owner, "webhooks:write"), receiver.url, "incident.updated", secret=self.first
        )
        self.path = f"/v1/webhooks/{made}"

    def works(self, secrets: list[str]) -> list[bool]:
        answer = self.client.post(f"{self.path}/test", params={"wait": True})
        assert answer.status_code == 200, answer.text
        request = self.receiver.requests[-1]
        return [is_signed_with(one, request.body, request.headers) for one in secrets]


class WebhookSecret(Signing):
    pending = "pending_secrets"
    has_overlap = False

    def rotate(self, **body: Any) -> httpx2.Response:
        self.given = new_secret()
        return self.client.put(self.path, json={"secret": self.given} | body)

    def made(self, answer: httpx2.Response) -> str:
        return self.given

    def ends(self) -> dict[str, str]:
        shown = self.client.get(self.path).json().get("previous_secrets", [])
        return {one["fingerprint"]: one["expires_at"] for one in reversed(shown)}


class WebhookKey(Signing):
    pending = "pending_keys"

    def __init__(self, stack: Stack, client: httpx2.Client, receiver: Receiver) -> None:
        super().__init__(stack, client, receiver)
        self.first = self.client.get(self.path).json()["public_key"]

    def rotate(self, **body: Any) -> httpx2.Response:
        return self.client.post(f"{self.path}/rotate-signing-key", json=body)

    def made(self, answer: httpx2.Response) -> str:
        return answer.json()["public_key"]

    def ends(self) -> dict[str, str]:
        shown = self.client.get(self.path).json().get("previous_public_keys", [])
        return {one["public_key"]: one["expires_at"] for one in reversed(shown)}


KINDS = (AppSecret, WebhookSecret, WebhookKey)


def mint(client: httpx2.Client, app: App) -> int:
    form = {"grant_type": "client_credentials", "client_id": app.client_id, "client_secret": app.client_secret}
    return client.post("/v1/oauth/token", data=form).status_code


def new_secret() -> str:
    return "whsec_" + base64.b64encode(os.urandom(32)).decode()


def is_signed_with(secret: str, body: bytes, headers: dict[str, str]) -> bool:
    try:
        return bool(verify(body, headers, secret))
    except InvalidWebhook:
        return False


def test_no_rotation_ends_moves_or_prolongs_an_earlier_secret(stack: Stack, receiver: Receiver) -> None:
    faults: list[str] = []
    with stack.client("auth", stack.admin_token) as client:
        for kind in KINDS:
            faults += [f"{kind.__name__}: {fault}" for fault in rotated_to_the_bound(kind(stack, client, receiver))]
    assert faults == []


def rotated_to_the_bound(one: Any) -> list[str]:
    """Rotates five times and once more, then with force, then without overlap. Returns the promises that are not kept."""
    faults: list[str] = []
    live: list[str] = [one.first]
    stated: dict[str, str] = {}
    for number in range(1, MOST):
        live.append(one.made(one.rotate()))
        ends = one.ends()
        if {name: ends.get(name) for name in stated} != stated or len(ends) != number:
            faults.append(f"rotation {number} changed the stated ends {stated} to {ends}")
        stated = ends
        if one.works(live) != [True] * len(live):
            faults.append(f"after rotation {number} work {one.works(live)}")
    refused = one.rotate()
    document = refused.json()
    named = [entry["expires_at"] for entry in document.get(one.pending, [])]
    if (refused.status_code, sorted(named)) != (409, sorted(stated.values())):
        faults.append(f"the sixth: {refused.status_code} {document}")
    elif document["next_rotation_at"] != min(named) or '"force": true' not in document["detail"]:
        faults.append(f"the sixth does not say when and how: {document}")
    if one.works(live) != [True] * len(live) or one.ends() != stated:
        faults.append("the refused rotation changed something")
    forced = one.rotate(force=True)
    if forced.status_code != 200:
        return [*faults, f"force: {forced.status_code} {forced.text}"]
    live.append(one.made(forced))
    if one.works(live) != [False] + [True] * MOST:
        faults.append(f"after force work {one.works(live)}")
    oldest, *kept = stated
    if (ends := one.ends()) | {name: stated[name] for name in kept} != ends or oldest in ends:
        faults.append(f"force changed the ends {stated} to {ends}")
    if one.has_overlap:
        live.append(one.made(one.rotate(overlap_seconds=0)))
        if one.works(live) != [False] * (len(live) - 1) + [True] or one.ends():
            faults.append(f"without overlap work {one.works(live)}, and there are ends: {one.ends()}")
    return faults


def test_administrators_who_rotate_at_the_same_time_end_nothing_of_each_other(stack: Stack, receiver: Receiver) -> None:
    faults: list[str] = []
    with stack.client("auth", stack.admin_token) as client, ThreadPoolExecutor(3) as pool:
        for kind in (AppSecret, WebhookKey):
            one = kind(stack, client, receiver)
            answers = list(pool.map(lambda _, one=one: one.rotate(), range(3)))
            works = one.works([one.first, *[one.made(answer) for answer in answers]])
            if works != [True] * 4:
                faults.append(f"{kind.__name__}: work {works}")
    assert faults == []


def test_the_answer_names_the_earlier_secrets_that_still_work_with_their_last_use(
    stack: Stack, receiver: Receiver
) -> None:
    with stack.client("auth", stack.admin_token) as client:
        one = AppSecret(stack, client, receiver)
        second = one.rotate(overlap_seconds=3600).json()
        assert [entry["last_used_at"] for entry in second["previous_secrets"]] == [None]
        assert one.works([one.first]) == [True]
        wait_for(lambda: any(entry["last_used_at"] for entry in client.get(one.path).json()["secrets"]), what="its use")
        third = one.rotate(overlap_seconds=60).json()
        newer, older = third["previous_secrets"]
        assert older == second["previous_secrets"][0] | {"last_used_at": older["last_used_at"]}
        assert (newer["last_used_at"], older["last_used_at"] is not None) == (None, True)
        assert third["previous_secret_expires_at"] == newer["expires_at"] < older["expires_at"]
        assert second["client_secret"] not in str(third)


def test_two_rotations_under_traffic_refuse_no_call(stack: Stack, receiver: Receiver) -> None:
    """The program goes on with its first secret, which is promised for a day, while its secret is rotated twice."""
    with stack.client("auth", stack.admin_token) as client:
        one, stop = AppSecret(stack, client, receiver), threading.Event()
        program = App(one.app.client_id, one.first)
        statuses: list[list[int]] = [[] for _ in range(3)]

        def call(mine: list[int]) -> None:
            with stack.client("auth") as own:
                while not stop.is_set():
                    mine.append(mint(own, program))

        callers = [threading.Thread(target=call, args=(mine,)) for mine in statuses]
        for caller in callers:
            caller.start()
        try:
            for _ in range(2):
                seen = sum(map(len, statuses))
                wait_for(lambda seen=seen: sum(map(len, statuses)) > seen + 30, what="calls before the rotation")
                assert one.rotate().status_code == 200
            seen = sum(map(len, statuses))
            wait_for(lambda: sum(map(len, statuses)) > seen + 60, what="calls after both rotations")
        finally:
            stop.set()
            for caller in callers:
                caller.join()
    assert {status for mine in statuses for status in mine} == {200}
