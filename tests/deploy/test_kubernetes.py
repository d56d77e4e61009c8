"""The parts of the Kubernetes tree agree: scaling, selectors, network policies, alerts and connections. Needs no cluster."""

import hashlib
import re
from configparser import ConfigParser
from typing import Any

import msgspec
import pytest
import yaml

from deploy.compose.__main__ import settings
from deploy.k8s import build
from deploy.k8s.secrets import manifests, secrets, with_redis
from deploy.local.table import ROOT, SERVICES, Service
from gateway.settings import Settings as GatewaySettings
from services.auth.saml import reader, readers, receiving
from services.auth.settings import Settings as AuthSettings
from services.device_ingest import settings as device_ingest
from services.epcr import settings as epcr
from services.webhook_dispatcher.sending.addresses import FORBIDDEN_V4, FORBIDDEN_V6, GLOBAL_UNICAST
from shared.messaging.messages import queues_of
from shared.process.settings import parse_redis_url
from tests.deploy.test_containers import COMPOSE, K8S, chooses, of_kind, processes, production, settings_of
from tests.deploy.test_periodic_jobs import jobs_of
from tests.deploy.test_watching import asked, kept
from tests.support.pooler import SHIPPED

__all__ = ["production"]
Manifests = list[dict[str, Any]]
# The most connections of one process; deploy/runbooks/connection-budget.md explains them.
WEB, WORKER, RELAY, SENDER = 11, {"graphql-api": 12}, 9, 2
OF_ACTS = 2  # of a relay, for acts of operators
SPARE = 5 + 3 + 2  # for operators, replication and monitoring


def test_what_is_written_from_the_table_is_up_to_date() -> None:
    for name, text in build.files().items():
        assert (K8S / name).read_text() == text, "run `python -m deploy.k8s.build`"


def scaled(production: Manifests) -> dict[str, tuple[int, int]]:
    """The least and the most replicas of each Deployment."""
    by_cpu = {
        found["spec"]["scaleTargetRef"]["name"]: (found["spec"]["minReplicas"], found["spec"]["maxReplicas"])
        for found in of_kind(production, "HorizontalPodAutoscaler").values()
    }
    by_work = {
        found["spec"]["scaleTargetRef"]["name"]: (found["spec"]["minReplicaCount"], found["spec"]["maxReplicaCount"])
        for found in of_kind(production, "ScaledObject").values()
    }
    assert not by_cpu.keys() & by_work.keys(), "two autoscalers would pull at one Deployment"
    return by_cpu | by_work


def test_every_deployment_has_one_autoscaler_and_no_replicas_beside_it(production: Manifests) -> None:
    deployments = processes(production)
    assert set(scaled(production)) == set(deployments)
    for name, deployment in deployments.items():
        assert "replicas" not in deployment["spec"], f"each apply of {name} would undo what its autoscaler did"
        assert scaled(production)[name][0] >= 2, name


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_at_full_scale_and_in_a_rollout_a_database_has_connections_for_all(
    service: Service, production: Manifests
) -> None:
    most = {name: upper for name, (_, upper) in scaled(production).items()}
    held = {"web": WEB, "worker": WORKER.get(service.name, 8), "relay": RELAY, "sender": SENDER}
    # During a rollout each Deployment has one more process.
    needed = sum(held[process] * (most[f"{service.name}-{process}"] + 1) for process in service.processes) + 1 + SPARE
    cluster = of_kind(production, "Cluster")[f"{service.name}-db"]
    assert needed <= int(cluster["spec"]["postgresql"]["parameters"]["max_connections"])


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_a_pooler_has_connections_for_all_places_of_all_processes(service: Service, production: Manifests) -> None:
    """Or the places that each web process keeps free for other organisations would wait for those of one in the pooler."""
    most = {name: upper for name, (_, upper) in scaled(production).items()}
    held = {"worker": WORKER.get(service.name, 8), "relay": RELAY, "sender": SENDER}
    file = ConfigParser()
    file.read(SHIPPED)
    pool, reserve = (int(file["pgbouncer"][name]) for name in ("default_pool_size", "reserve_pool_size"))
    assert WEB * most[f"{service.name}-web"] <= pool
    assert sum(held[one] * most[f"{service.name}-{one}"] for one in service.processes if one in held) <= pool
    assert 2 * (pool + reserve) + 1 + SPARE <= build.MAX_CONNECTIONS


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_a_relay_has_a_connection_to_send_and_one_for_each_lane_of_its_jobs(service: Service) -> None:
    assert 1 + len({job.lane for job in jobs_of(service.database)}) + OF_ACTS <= RELAY


PROCESS = 110 << 20
"""Bytes of a web process without requests."""
ARGON2 = 64 << 20
"""Bytes of one check of a password (`passwords.py`)."""


def test_all_that_strangers_can_make_auth_do_at_once_fits_into_its_memory(production: Manifests) -> None:
    defaults = {field.name: field.default for field in msgspec.structs.fields(AuthSettings)}
    # Forms that arrive through the places of a gateway for these, and those that wait for a reader.
    arriving = msgspec.structs.fields(GatewaySettings)
    [at_once] = [field.default for field in arriving if field.name == "upstream_concurrency"]
    needed = PROCESS + (at_once // 4 + readers.WAITING) * receiving.MAX_FORM
    needed += defaults["saml_readers"] * reader.MEMORY + defaults["password_checks"] * ARGON2
    [container] = processes(production)["auth-web"]["spec"]["template"]["spec"]["containers"]
    for limit in (
        container["resources"]["limits"]["memory"].removesuffix("Mi"),
        COMPOSE["services"]["auth-web"]["mem_limit"].removesuffix("m"),
    ):
        assert needed <= int(limit) << 20


def test_selectors_choose_the_pods_they_are_meant_for(production: Manifests) -> None:
    for name, deployment in processes(production).items():
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        assert deployment["spec"]["selector"]["matchLabels"].items() <= labels.items()
        constraints = deployment["spec"]["template"]["spec"]["topologySpreadConstraints"]
        assert {one["topologyKey"] for one in constraints} == {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}
        for one in constraints:
            assert one["labelSelector"]["matchLabels"] == deployment["spec"]["selector"]["matchLabels"], name
        (budget,) = [
            each
            for each in of_kind(production, "PodDisruptionBudget").values()
            if chooses(each["spec"]["selector"], labels)
        ]
        assert budget["spec"]["minAvailable"] == 1


def test_applying_by_the_labels_of_the_runbooks_applies_everything(production: Manifests) -> None:
    names = {"platform", "gateway", *(service.name for service in SERVICES)}
    for found in production:
        assert found["metadata"].get("labels", {}).get("app.kubernetes.io/name") in names, found["metadata"]["name"]


def reached(production: Manifests, labels: dict[str, str]) -> set[str]:
    """The targets that a pod with those labels may call, by all its network policies."""
    found: set[str] = set()
    for policy in of_kind(production, "NetworkPolicy").values():
        if "Egress" in policy["spec"]["policyTypes"] and chooses(policy["spec"]["podSelector"], labels):
            for rule in policy["spec"].get("egress", ()):
                found |= {named(peer) for peer in rule["to"]}
    return found


def named(peer: dict[str, Any]) -> str:
    if "ipBlock" in peer:
        return "internet"
    pods = peer.get("podSelector", {}).get("matchLabels", {})
    space = peer.get("namespaceSelector", {}).get("matchLabels", {}).get("kubernetes.io/metadata.name")
    return (
        space
        or pods.get("cnpg.io/cluster")
        or pods.get("app.kubernetes.io/name")
        or pods["app.kubernetes.io/component"]
    )


def test_a_pod_calls_nobody_but_whom_it_needs(production: Manifests) -> None:
    everybody = {"kube-system", "redis", "monitoring"}
    for service in SERVICES:
        for process in (*service.processes, "migrate"):
            labels = {
                "app.kubernetes.io/name": service.name,
                "app.kubernetes.io/part-of": "knogin",
                "app.kubernetes.io/component": process,
            }
            more = {f"{service.name}-db"}
            if service.name == "webhook-dispatcher" and process in ("web", "sender", "relay"):
                more.add("internet")
            if (service.name, process) == ("auth", "relay"):  # to the mail server
                more.add("internet")
            if process == "web" and service.name != "auth":
                more.add("auth")
            if (service.name, process) == ("graphql-api", "web"):
                more |= {"webhook-dispatcher", "gateway"}
            if (service.name, process) == ("console", "web"):
                more.add("gateway")
            assert reached(production, labels) == everybody | more, (service.name, process)
    gateway = of_kind(production, "Deployment")["gateway"]["spec"]["template"]["metadata"]["labels"]
    assert reached(production, gateway) == everybody | {"web"}


def test_what_is_let_out_is_let_in_on_the_other_side(production: Manifests) -> None:
    """A policy for only one direction would block the call."""
    for service in SERVICES:
        pod = {
            "app.kubernetes.io/name": service.name,
            "app.kubernetes.io/part-of": "knogin",
            "app.kubernetes.io/component": "web",
        }
        admitting = of_kind(production, "NetworkPolicy")[f"{service.name}-db"]["spec"]
        assert chooses(admitting["podSelector"], {"cnpg.io/cluster": f"{service.name}-db"})
        assert any(
            chooses(peer.get("podSelector", {"matchLabels": {"x": "x"}}), pod)
            for peer in admitting["ingress"][0]["from"]
        )


def test_the_relay_calls_mail_servers_alone_and_none_of_ours(production: Manifests) -> None:
    (rule,) = of_kind(production, "NetworkPolicy")["mail-out"]["spec"]["egress"]
    assert {port["port"] for port in rule["ports"]} == {465, 587}
    (block,) = (peer["ipBlock"] for peer in rule["to"])
    private = {"10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"}
    assert private < set(block["except"])


def test_webhooks_never_leave_for_an_address_of_ours(production: Manifests) -> None:
    (rule,) = of_kind(production, "NetworkPolicy")["webhooks-out"]["spec"]["egress"]
    blocks = {peer["ipBlock"]["cidr"]: peer["ipBlock"].get("except", []) for peer in rule["to"]}
    assert blocks == {
        "0.0.0.0/0": [str(network) for network, _ in FORBIDDEN_V4],
        str(GLOBAL_UNICAST): [str(network) for network, _ in FORBIDDEN_V6],
    }


def test_each_services_relays_append_their_anchors_to_a_volume_of_their_own(production: Manifests) -> None:
    claims = of_kind(production, "PersistentVolumeClaim")
    for service in SERVICES:
        pod = of_kind(production, "Deployment")[f"{service.name}-relay"]["spec"]["template"]["spec"]
        (file,) = [each["value"] for each in pod["containers"][0]["env"] if each["name"] == "AUDIT_ANCHOR_FILE"]
        (mount,) = [each for each in pod["containers"][0]["volumeMounts"] if file.startswith(each["mountPath"] + "/")]
        (volume,) = [each for each in pod["volumes"] if each["name"] == mount["name"]]
        claim = claims.pop(volume["persistentVolumeClaim"]["claimName"])
        assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
        assert pod["securityContext"]["fsGroup"] == pod["securityContext"]["runAsUser"]
    assert claims == {}


def test_the_gateway_believes_the_edges_proxies_and_nobody_else_reaches_it(production: Manifests) -> None:
    gateway = next(found for name, found in of_kind(production, "ConfigMap").items() if name.startswith("gateway-"))
    assert gateway["data"]["TRUSTED_PROXIES"]
    (rule,) = of_kind(production, "HTTPRoute")["platform"]["spec"]["rules"]
    assert rule["backendRefs"] == [{"name": "gateway", "port": 8000}]
    # Envoy would end an answer after 15 s: readers wait longer for an event, and exports take minutes.
    assert rule["timeouts"] == {"request": "0s"}
    listeners = of_kind(production, "Gateway")["edge"]["spec"]["listeners"]
    assert {one["hostname"] for one in listeners if one["protocol"] == "HTTPS"} == {
        "auth.knogin.com",
        "api.knogin.com",
        "knogin.com",
        "console.knogin.com",
    }


def test_a_process_has_the_time_it_needs_to_end_and_a_slow_start_is_no_failure(production: Manifests) -> None:
    for name, deployment in processes(production).items():
        pod = deployment["spec"]["template"]["spec"]
        (only,) = pod["containers"]
        before = only.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        # The gateway drains for 25 s, a web process for 20 s.
        assert pod["terminationGracePeriodSeconds"] >= before + 25 + 5, name
        start = only["startupProbe"]
        assert start["periodSeconds"] * start["failureThreshold"] >= 120, name
        assert all("sizeLimit" in volume["emptyDir"] for volume in pod["volumes"] if "emptyDir" in volume), name


def test_processes_are_scaled_by_metrics_that_are_kept(production: Manifests) -> None:
    for name, found in of_kind(production, "ScaledObject").items():
        for trigger in found["spec"]["triggers"]:
            assert asked(trigger["metadata"]["query"]) <= set(kept()), name


def test_workers_are_scaled_by_all_their_queues_and_no_others(production: Manifests) -> None:
    queues = {queue for service in SERVICES for queue in queues_of(service.database)}
    for service in SERVICES:
        if "worker" not in service.processes:
            assert not queues_of(service.database)
            continue
        (trigger,) = of_kind(production, "ScaledObject")[f"{service.name}-worker"]["spec"]["triggers"]
        chosen = re.search(r'queue=~"([^"]+)"', trigger["metadata"]["query"])
        assert chosen is not None
        assert {queue for queue in queues if re.fullmatch(chosen[1], queue)} == set(queues_of(service.database))


def test_alerts_in_kubernetes_are_those_of_prometheus(production: Manifests) -> None:
    groups = yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yml").read_text())["groups"]
    (rules,) = of_kind(production, "PrometheusRule").values()
    told = {rule["alert"]: rule["expr"] for group in rules["spec"]["groups"] for rule in group["rules"]}
    for rule in (rule for group in groups for rule in group["rules"]):
        assert told[rule["alert"]] == build.ELSEWHERE.get(rule["alert"], rule["expr"])


def test_a_process_without_any_pod_pages(production: Manifests) -> None:
    """Where there is no pod there is no target, and `up` has no value that an alert could compare."""
    (rules,) = of_kind(production, "PrometheusRule").values()
    [missing] = [
        rule["expr"]
        for group in rules["spec"]["groups"]
        for rule in group["rules"]
        if rule["alert"] == "ProcessMissing"
    ]
    for deployment in processes(production).values():
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        kind, name = labels["app.kubernetes.io/component"], labels["app.kubernetes.io/name"]
        assert f'absent_over_time(up{{job="{kind}",service="{name}"}}[5m])' in missing.split(" or ")


def test_every_secret_that_is_referred_to_comes_from_the_store_and_is_made_by_the_command(
    production: Manifests,
) -> None:
    kept = set(of_kind(production, "ExternalSecret"))
    made = set(secrets(settings({})))
    assert referred(production) <= kept
    assert kept - made == {"database-backups"}, "the access to backups is the provider's"
    assert made <= kept


def referred(found: Any) -> set[str]:
    """The names of Secrets anywhere in `found`."""
    if isinstance(found, list):
        return set().union(*map(referred, found))
    if not isinstance(found, dict):
        return set()
    own = {
        value.get("name") or value["secretName"]
        for key, value in found.items()
        if key in ("secretRef", "secretKeyRef", "secret", "passwordSecret", "accessKeyId", "secretAccessKey")
        and isinstance(value, dict)
    }
    return own | set().union(*map(referred, found.values()))


def given_to(deployment: str, built: Manifests) -> dict[str, str]:
    """The settings that its ConfigMaps give to a process."""
    (only,) = of_kind(built, "Deployment")[deployment]["spec"]["template"]["spec"]["containers"]
    named = [source["configMapRef"]["name"] for source in only["envFrom"] if "configMapRef" in source]
    found = of_kind(built, "ConfigMap")
    return {setting: value for name in named for setting, value in found[name]["data"].items()}


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_made_secrets_and_settings_start_every_process(service: Service, production: Manifests) -> None:
    given = given_to(f"{service.name}-relay", production)
    made = secrets(settings({}))
    kind = settings_of(service.module)
    for process, name in {"web": "web", "worker": "worker", "relay": "worker", "migrate": "migrate"}.items():
        values = made[f"{service.name}-{name}"]
        required = {field.name.upper() for field in msgspec.structs.fields(kind) if field.required}
        assert required <= values.keys() | given.keys(), process
        assert ("SERVICE_SIGNING_KEY" in values) == (process in service.signing), process
        assert ("MIGRATION_DATABASE_URL" in values) == (process == "migrate")
        assert ("WORKER_DATABASE_URL" in values) == (process != "web")


def test_made_secrets_and_settings_start_the_gateway(production: Manifests) -> None:
    given = given_to("gateway", production)
    required = {field.name.upper() for field in msgspec.structs.fields(settings_of("gateway")) if field.required}
    assert required | {"SERVICE_PUBLIC_KEYS"} <= secrets(settings({}))["gateway"].keys() | given.keys()


def test_a_secret_is_of_the_kind_its_reader_expects() -> None:
    for manifest in manifests(settings({})):
        is_login = manifest["metadata"]["name"].endswith(("-migrator", "-app", "-db-worker"))
        assert (manifest["type"] == "kubernetes.io/basic-auth") == is_login, manifest["metadata"]["name"]


def test_custom_kinds_name_what_is_there(production: Manifests) -> None:
    """The objects that custom kinds refer to exist; no cluster checks that here."""
    clusters, stores = of_kind(production, "Cluster"), of_kind(production, "ObjectStore")
    for name, cluster in clusters.items():
        (plugin,) = cluster["spec"]["plugins"]
        assert plugin["parameters"]["barmanObjectName"] in stores
        assert plugin["isWALArchiver"], f"{name} could not go back to a second"
        assert of_kind(production, "ScheduledBackup")[name]["spec"]["cluster"]["name"] == name
    deployments = of_kind(production, "Deployment")
    for found in of_kind(production, "ScaledObject").values():
        assert found["spec"]["scaleTargetRef"]["name"] in deployments
    hosts = {found["metadata"]["name"] for found in production if found["kind"] == "Service"}
    for route in of_kind(production, "HTTPRoute").values():
        for rule in route["spec"]["rules"]:
            assert {backend["name"] for backend in rule.get("backendRefs", ())} <= hosts


def test_a_redis_whose_node_is_lost_comes_back_without_a_person(production: Manifests) -> None:
    redis = of_kind(production, "Deployment")["redis"]["spec"]
    assert (redis["replicas"], redis["strategy"]) == (1, {"type": "Recreate"}), "two at once would share out the queues"
    waits = {one["key"]: one["tolerationSeconds"] for one in redis["template"]["spec"]["tolerations"]}
    assert waits == {"node.kubernetes.io/not-ready": 20, "node.kubernetes.io/unreachable": 20}


def test_one_organisation_fills_no_volume_within_its_allowance(production: Manifests) -> None:
    def volume(name: str) -> int:
        size = of_kind(production, "Cluster")[name]["spec"]["storage"]["size"]
        assert size.endswith("Gi")
        return int(size.removesuffix("Gi")) << 30

    def most(settings: type[msgspec.Struct], name: str) -> int:
        (found,) = [field.default for field in msgspec.structs.fields(settings) if field.name == name]
        return found

    assert most(epcr.Settings, "most_stored_bytes") <= volume("epcr-db") // 4
    # With its indexes an observation takes some 400 bytes.
    assert most(device_ingest.Settings, "most_observations") * 400 <= volume("device-ingest-db") // 4


def test_sentinels_get_their_users_and_each_process_an_address_that_it_can_read() -> None:
    made = secrets(with_redis(settings({}), "sentinels://s-1,s-2:26380,s-3/queues?ca_file=/in/pods/ca.pem"))
    read = parse_redis_url(made["epcr-worker"]["REDIS_URL"])
    assert (read.master, len(read.hosts), read.user, read.sentinel_user) == ("queues", 3, "epcr", "platform")
    platform = hashlib.sha256((read.sentinel_password or "").encode()).hexdigest()
    assert f"user platform on #{platform} " in made["redis"]["sentinel-users.acl"]
    for user in ("replica", "sentinel", "epcr"):
        password = read.password if user == "epcr" else made["redis"][f"{user}-password"]
        assert f"user {user} on #{hashlib.sha256((password or '').encode()).hexdigest()} " in made["redis"]["users.acl"]
    assert secrets(with_redis(settings({})))["redis"].keys() == {"users.acl", "monitor-password"}
