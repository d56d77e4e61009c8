"""An installation's own domain: a gateway with exactly the settings of compose or of Kubernetes for that domain serves its hosts."""

import io
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPResponse
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from deploy.compose.__main__ import settings
from deploy.k8s.secrets import secrets
from deploy.local import ports
from deploy.local.table import ROOT, SERVICES
from shared.process.settings import load
from tests.deploy.test_containers import COMPOSE, K8S, of_kind, settings_of
from tests.deploy.test_kubernetes import given_to
from tests.support.waiting import wait_for

pytestmark = pytest.mark.full

VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
ADDRESSES = ("ISSUER", "API_BASE_URL", "DOCS_BASE_URL", "CONSOLE_BASE_URL")
LOCAL = re.compile(r"localhost|127\.0\.0\.1")


def written() -> dict[str, str]:
    """The four addresses as the runbook of the first installation has them, for `.env`."""
    text = (ROOT / "deploy" / "runbooks" / "first-install.md").read_text()
    (block,) = [block for block in BLOCK.findall(text) if "ISSUER=" in block]
    return dict(re.findall(r"^(\w+)=(\S+)$", block, re.MULTILINE))


def rendered(service: str, chosen: Mapping[str, str]) -> dict[str, str]:
    """The environment that compose gives to a container with those settings in `.env`."""

    def value(found: re.Match[str]) -> str:
        name, kind, text = found.groups()
        return chosen.get(name) or (text if kind == "-" else "")

    return {
        name: VARIABLE.sub(value, str(given)) for name, given in COMPOSE["services"][service]["environment"].items()
    }


def of_compose() -> tuple[dict[str, str], dict[str, str]]:
    addresses = written()
    return addresses, rendered("gateway", settings({}) | addresses)


def example() -> list[dict[str, Any]]:
    """The example overlay, built."""
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed; Debian's kubernetes-client has it")
    built = subprocess.run(["kubectl", "kustomize", str(K8S / "example")], capture_output=True, check=True, text=True)
    return list(yaml.safe_load_all(built.stdout))


def of_kubernetes() -> tuple[dict[str, str], dict[str, str]]:
    given = given_to("gateway", example())
    addresses = {name: given[name] for name in ADDRESSES}
    assert all(LOCAL.search(address) is None for address in addresses.values())
    return addresses, given | secrets(settings({}))["gateway"]


@contextmanager
def gateway(environment: Mapping[str, str]) -> Iterator[int]:
    """A gateway with this environment alone, and the services that it names away. Yields its port."""
    port, ops = ports.free_port(), ports.free_port()
    # Of the image: where programs are. The port of probes must be free on this machine.
    around = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "OPS_PORT": str(ops)}
    command = [sys.executable, "-m", "gateway", "web", "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, env={**environment, **around}, stdout=subprocess.DEVNULL)
    try:
        wait_for(lambda: process.poll() is not None or listens(port), what="the gateway")
        assert process.poll() is None, "the gateway does not start with these settings"
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def listens(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


def asked(port: int, host: str, path: str, **headers: str) -> tuple[HTTPResponse, bytes]:
    with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request("GET", path, headers={"Host": host} | headers)
        answer = connection.getresponse()
        return answer, answer.read()


DEFAULT_OF_SDKS = b"they call production, `api.knogin.com`"


@pytest.mark.parametrize("source", [of_compose, of_kubernetes], ids=["compose", "kubernetes"])
def test_the_gateway_serves_the_hosts_of_a_foreign_domain_and_names_no_other(source: Any) -> None:
    addresses, environment = source()
    hosts = {name: urlsplit(address).hostname or "" for name, address in addresses.items()}
    paths = {
        "ISSUER": "/v1/platform/apps",
        "API_BASE_URL": "/api/v1/devices",
        "DOCS_BASE_URL": "/api/docs/en/first-call.md",
        "CONSOLE_BASE_URL": "/",
    }
    wrong: list[str] = []
    with gateway(environment) as port:
        for name, path in paths.items():
            for host in (hosts[name], hosts[name].upper(), hosts[name] + ":443"):
                answer, body = asked(port, host, path)
                if answer.status == 421:
                    wrong.append(f"{host}{path}: {answer.status} {body[:200]!r}")
        for name in ("ISSUER", "API_BASE_URL"):
            answer, _ = asked(port, hosts[name], paths[name])
            if f'"{addresses[name]}/.well-known/oauth-protected-resource"' not in str(answer.headers):
                wrong.append(f"the challenge of {hosts[name]} is {answer.headers['www-authenticate']}")
        docs = hosts["DOCS_BASE_URL"]
        _, page = asked(port, docs, "/api/docs/en/first-call.md")
        # The default of the SDKs is the same everywhere, and this page warns of it.
        assert page.count(DEFAULT_OF_SDKS) == 1
        page = page.replace(DEFAULT_OF_SDKS, b"")
        _, packed = asked(port, docs, "/api/docs/knogin.bruno.zip")
        production = b""
        if zipfile.is_zipfile(io.BytesIO(packed)):
            with zipfile.ZipFile(io.BytesIO(packed)) as collection:
                production = collection.read("knogin/environments/Production.bru")
        _, feed = asked(port, docs, "/api/docs/en/changelog.atom")
        for shown, text, own in (
            ("the page", page, "API_BASE_URL"),
            ("the collection", production, "API_BASE_URL"),
            ("the feed", feed, "DOCS_BASE_URL"),
        ):
            if (
                addresses[own].encode() not in text
                or b"api.knogin.com" in text
                or b"https://knogin.com/api/docs/" in text
            ):
                wrong.append(f"{shown} does not name {addresses[own]} alone")
        for strange in ("auth.knogin.com", "knogin.com", "localhost", "127.0.0.1", "console.localhost"):
            answer, body = asked(port, strange, "/")
            detail = f"These are: {', '.join(hosts[name] for name in ADDRESSES)}.".encode()
            if answer.status != 421 or detail not in body:
                wrong.append(f"{strange}: {answer.status} {body!r}")
    assert wrong == []


def test_every_process_of_compose_has_the_own_addresses_and_no_other() -> None:
    chosen = settings({}) | written()
    wrong = [
        f"{service} {name}={value}"
        for service in COMPOSE["services"]
        for name, value in (rendered(service, chosen) if "environment" in COMPOSE["services"][service] else {}).items()
        if re.search(r"knogin\.com|\.localhost", value)
    ]
    assert wrong == []
    for service in SERVICES:
        process = load(settings_of(service.module), rendered(f"{service.name}-web", chosen))
        named = {name: getattr(process, name.lower()) for name in ADDRESSES if hasattr(process, name.lower())}
        assert named.items() <= written().items(), service.name


def test_the_example_for_kubernetes_names_its_domain_alone_at_the_edge_too() -> None:
    built = example()
    addresses, _ = of_kubernetes()
    hosts = sorted(urlsplit(address).hostname or "" for address in addresses.values())
    listeners = of_kind(built, "Gateway")["edge"]["spec"]["listeners"]
    assert sorted(one["hostname"] for one in listeners if one["protocol"] == "HTTPS") == hosts
    for route in of_kind(built, "HTTPRoute").values():
        assert sorted(route["spec"]["hostnames"]) == hosts
    assert re.findall(r".*knogin\.com.*", yaml.safe_dump(built)) == []
    for service in SERVICES:
        given = given_to(f"{service.name}-relay", built)
        assert {name: given[name] for name in ADDRESSES} == addresses, service.name
