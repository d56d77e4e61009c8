"""`webhooks.verify` of the TypeScript SDK: a delivery of the dispatcher is accepted, anything else is one kind of error."""

import json
import random
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from services.webhook_dispatcher.sending import signing
from tests.clients import node
from tests.clients.test_webhooks import BODY, EVENT, OTHER, OTHER_PUBLIC, OTHER_SIGNER, PUBLIC, SECRET, SIGNER, signed

pytestmark = [node.needed, pytest.mark.full]
PHRASE = "sixteen characters or more, èàù"
NO_FIT = "no signature fits"


def case(headers: dict[str, str], secret: Any = SECRET, body: bytes | str = BODY, **more: Any) -> dict[str, Any]:
    given = body if isinstance(body, str) else list(body)
    return {"body": given, "headers": headers, "secret": secret, **more}


def other_signer() -> dict[str, str]:
    now = datetime.now(UTC)
    signature = Webhook(SECRET).sign("evt_1", now, BODY.decode())
    return {"webhook-id": "evt_1", "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": signature}


def accepted() -> dict[str, dict[str, Any]]:
    later = json.dumps(EVENT | {"type": "vehicle.moved", "data": {"x": 1}, "more": 2}).encode()
    return {
        "base64": case(signed()),
        "unpadded": case(signed(BODY, OTHER), OTHER),
        "phrase": case(signed(BODY, PHRASE), PHRASE),
        "text": case(signed(), body=BODY.decode()),
        "letters": case({name.title(): value for name, value in signed().items()}),
        "two signatures": case(signed(BODY, OTHER, SECRET)),
        "two secrets": case(signed(), [OTHER, SECRET]),
        "public key": case(signed(), PUBLIC),
        "two public keys": case(signed(), [OTHER, OTHER_PUBLIC, PUBLIC]),
        "two signing keys": case(signed(signers=[OTHER_SIGNER, SIGNER]), PUBLIC),
        "other signer": case(other_signer()),
        "old enough": case(signed(age=280)),
        "tolerant": case(signed(age=10**9), tolerance=2_000_000_000),
        "later type": case(signed(later), body=later),
    }


def refused() -> dict[str, tuple[dict[str, Any], str]]:
    found: dict[str, tuple[dict[str, Any], str]] = {}
    for age in (-330, 330, 10**9):
        found[f"age {age}"] = (case(signed(age=age)), "seconds from this machine's clock")
    for name in ("webhook-id", "webhook-timestamp", "webhook-signature"):
        found[f"no {name}"] = (case({key: value for key, value in signed().items() if key != name}), name)
    changes = [
        ({"webhook-id": "evt_2"}, NO_FIT),
        ({"webhook-timestamp": "+1"}, "not a number"),
        ({"webhook-timestamp": "١٢٣"}, "not a number"),
        ({"webhook-timestamp": "1e9"}, "not a number"),
        ({"webhook-timestamp": "9" * 5000}, "not a number"),
        ({"webhook-signature": "v1"}, NO_FIT),
        ({"webhook-signature": "v1,%%% v1,A v2,AAAA , v1,ÿ v1,"}, NO_FIT),
        ({"webhook-signature": "v1," * 9000}, NO_FIT),
        ({"webhook-signature": ""}, NO_FIT),
        ({"webhook-signature": signed(signers=())["webhook-signature"].replace("v1,", "v1a,")}, NO_FIT),
        ({"webhook-signature": signed(signers=())["webhook-signature"][:-5] + "="}, NO_FIT),
    ]
    for number, (change, message) in enumerate(changes):
        found[f"header {number}"] = (case(signed() | change), message)
    found["changed body"] = (case(signed(), body=BODY + b" "), NO_FIT)
    for number, secrets in enumerate(([], [OTHER], OTHER)):
        found[f"other secret {number}"] = (case(signed(), secrets), NO_FIT)
    for number, headers in enumerate((signed(signers=()), signed(signers=[OTHER_SIGNER]), signed(b"another body"))):
        found[f"public key {number}"] = (case(headers, PUBLIC), NO_FIT)
    forged = signing.signature_header([PUBLIC.encode()], "evt_1", int(time.time()), BODY)
    found["public key as a secret"] = (case(signed() | {"webhook-signature": forged}, PUBLIC), NO_FIT)
    many = " ".join(["v1a," + "A" * 86 + "=="] * 10 + signed()["webhook-signature"].split()[-1:])
    found["many signatures"] = (case(signed() | {"webhook-signature": many}, PUBLIC), NO_FIT)
    for secret in ("whpk_", "whpk_%%%", "whpk_AAAA"):
        found[f"secret {secret}"] = (case(signed(), secret), "public key")
    for secret in ("", "whsec_", "whsec_%%%"):
        found[f"secret {secret}"] = (case(signed(), secret), "secret")
    bodies = [b"", b"[]", b"\xff", b'{"type": 1}', b'{"type": "epcr.encounter.created"}', b"[" * 10**5, b"null"]
    for number, body in enumerate(bodies):
        found[f"body {number}"] = (case(signed(body), body=body), "is not an event")
    found["no clock"] = (case(signed(), tolerance=-1), "clock")
    return found


@pytest.fixture(scope="module")
def results(project: Path) -> dict[str, Any]:
    """The outcome of each case, from one program."""
    cases = accepted() | {name: one for name, (one, _) in refused().items()}
    return dict(zip(cases, node.run(project, "webhooks", list(cases.values())), strict=True))


@pytest.mark.parametrize("name", accepted())
def test_a_delivery_of_the_platform_is_its_event(name: str, results: dict[str, Any]) -> None:
    event = results[name]["event"]
    if name == "later type":
        assert (event["type"], event["data"]) == ("vehicle.moved", {"x": 1})
    else:
        assert event == EVENT


@pytest.mark.parametrize("name", refused())
def test_anything_else_is_one_error_that_names_the_check(name: str, results: dict[str, Any]) -> None:
    assert results[name].get("name") == "InvalidWebhook", results[name]
    assert refused()[name][1] in results[name]["message"]


def test_nothing_but_one_error_is_thrown(project: Path) -> None:
    chance = random.Random(7)

    def text(most: int) -> str:
        return "".join(chr(chance.choice([chance.randrange(32, 127), chance.randrange(0x3000)])) for _ in range(most))

    cases: list[dict[str, Any]] = []
    for number in range(600):
        values = {"webhook-id": text(5), "webhook-timestamp": str(int(time.time())), "webhook-signature": text(40)}
        headers = {name: value for name, value in values.items() if chance.random() < 0.9}
        headers |= {"webhook-signature": chance.choice(["v1,", "v1a,"]) + text(20)} if number % 3 else {}
        secret = chance.choice([text(20), "whsec_" + text(9), "whpk_" + text(9), PUBLIC, SECRET, [text(3), SECRET]])
        cases.append(case(headers, secret, chance.randbytes(20) if number % 2 else text(30)))
    assert {one.get("name") for one in node.run(project, "webhooks", cases)} == {"InvalidWebhook"}
