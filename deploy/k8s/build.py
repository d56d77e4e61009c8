"""Writes the parts of this tree that are the same for every service: `python -m deploy.k8s.build`.

Databases (CloudNativePG), sources of secrets (External Secrets), scaling (KEDA), and the alerts for the Prometheus operator.
"""

from pathlib import Path
from typing import Any

import yaml

from deploy.k8s.secrets import ROLES
from deploy.local.table import ROOT, SERVICES, Service

FOLDER = ROOT / "deploy" / "k8s"
Manifest = dict[str, Any]
POSTGRES = "ghcr.io/cloudnative-pg/postgresql:18.6"
MAX_CONNECTIONS = 250
VOLUME, LARGE_VOLUME = "200Gi", "500Gi"
# At 3 MB/s of changes for four hours and a half without the store of backups; a database whose volume is full stops.
WAL_VOLUME = "50Gi"
PROMETHEUS = "http://prometheus-operated.monitoring:9090"
HEAD = "# Written by `python -m deploy.k8s.build`; do not edit.\n"
# CloudNativePG's exporter has other names for the metrics of postgres_exporter.
ELSEWHERE = {
    "DatabaseDown": "cnpg_collector_up == 0",
    "DatabaseConnectionsNearlyOut": "sum by (service, pod) (cnpg_backends_total)"
    ' > 0.8 * max by (service, pod) (cnpg_pg_settings_setting{name="max_connections"})',
}


def files() -> dict[str, str]:
    """The text of each file by its path within this folder."""
    platform: dict[str, list[Manifest]] = {
        "databases.yaml": [made for service in SERVICES for made in database(service)],
        "secrets.yaml": [secret(name) for name in secrets()],
        "rules.yaml": [rules()],
    }
    scaling = [made for service in SERVICES for made in scaled(service)]
    texts = {f"platform/{name}": dump(manifests) for name, manifests in platform.items()}
    return texts | {"scaling/scaling.yaml": dump(scaling)}


def dump(manifests: list[Manifest]) -> str:
    return HEAD + yaml.safe_dump_all(manifests, sort_keys=False, width=140)


def database(service: Service) -> list[Manifest]:
    """A cluster of three instances, its backup every night, and the policies that let only its service reach it."""
    name = f"{service.name}-db"
    return [cluster(service, name), backup(name), reached_by_its_service(service, name), reaching(service, name)]


def cluster(service: Service, name: str) -> Manifest:
    roles: list[Manifest] = [
        {
            "name": f"{service.database}_{role}",
            "ensure": "present",
            "login": True,
            "bypassrls": role == "migrator",
            "passwordSecret": {"name": f"{name}-{role}"},
        }
        for role in ROLES
    ]
    owner = f"{service.database}_owner"
    # The owner cannot log in; the migrator can switch to it.
    roles[0]["inRoles"] = [owner]
    roles.append({"name": owner, "ensure": "present", "login": False, "bypassrls": True})
    return {
        "apiVersion": "postgresql.cnpg.io/v1",
        "kind": "Cluster",
        "metadata": {"name": name},
        "spec": {
            "instances": 3,
            "imageName": POSTGRES,
            "storage": {"size": LARGE_VOLUME if service.name in ("device-ingest", "epcr") else VOLUME},
            "walStorage": {"size": WAL_VOLUME},
            "postgresql": {
                "parameters": {"max_connections": str(MAX_CONNECTIONS), "password_encryption": "scram-sha-256"},
                # A commit is on two machines before the answer.
                "synchronous": {"method": "any", "number": 1},
            },
            "bootstrap": {"initdb": {"database": service.database, "owner": owner}},
            "managed": {"roles": roles},
            "plugins": [
                {
                    "name": "barman-cloud.cloudnative-pg.io",
                    "isWALArchiver": True,
                    "parameters": {"barmanObjectName": "backups", "serverName": name},
                }
            ],
            "affinity": {"topologyKey": "topology.kubernetes.io/zone"},
            "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"memory": "2Gi"}},
        },
    }


def backup(name: str) -> Manifest:
    return {
        "apiVersion": "postgresql.cnpg.io/v1",
        "kind": "ScheduledBackup",
        "metadata": {"name": name},
        "spec": {
            "schedule": "0 0 2 * * *",
            "cluster": {"name": name},
            "method": "plugin",
            "pluginConfiguration": {"name": "barman-cloud.cloudnative-pg.io"},
        },
    }


def reached_by_its_service(service: Service, name: str) -> Manifest:
    """Also reached by the other instances, which copy it, by the operator and by Prometheus."""
    instances = {"matchLabels": {"cnpg.io/cluster": name}}
    ours = {"matchLabels": {"app.kubernetes.io/name": service.name, "app.kubernetes.io/part-of": "knogin"}}
    return policy(
        name,
        instances,
        ingress=[
            {"from": [{"podSelector": ours}, {"podSelector": instances}], "ports": [{"port": 5432}]},
            {"from": [{"podSelector": instances}, namespace("cnpg-system")], "ports": [{"port": 8000}, {"port": 5432}]},
            {"from": [namespace("monitoring")], "ports": [{"port": 9187}]},
        ],
    )


def reaching(service: Service, name: str) -> Manifest:
    ours = {"matchLabels": {"app.kubernetes.io/name": service.name, "app.kubernetes.io/part-of": "knogin"}}
    theirs = {"podSelector": {"matchLabels": {"cnpg.io/cluster": name}}}
    return policy(f"to-{name}", ours, egress=[{"to": [theirs], "ports": [{"port": 5432}]}])


def policy(name: str, pods: Manifest, **rules: list[Manifest]) -> Manifest:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name},
        "spec": {"podSelector": pods, "policyTypes": [kind.capitalize() for kind in rules], **rules},
    }


def namespace(name: str) -> Manifest:
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}


def secrets() -> list[str]:
    """The name of every Secret that a file of this folder uses."""
    of_processes = [f"{service.name}-{kind}" for service in SERVICES for kind in ("web", "worker", "migrate")]
    of_databases = [f"{service.name}-db-{role}" for service in SERVICES for role in ROLES]
    return ["gateway", "redis", "database-backups", *of_processes, *of_databases]


def secret(name: str) -> Manifest:
    """A Secret with all keys of the store's entry of the same name."""
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {"name": name},
        "spec": {
            "refreshInterval": "1h",
            "secretStoreRef": {"kind": "ClusterSecretStore", "name": "knogin"},
            "dataFrom": [{"extract": {"key": f"knogin/{name}"}}],
        },
    }


def scaled(service: Service) -> list[Manifest]:
    """Scales workers by the calls in their queue, relays and senders by the age of the oldest unsent message or delivery."""
    waiting = f'sum(max by (queue) (queue_messages{{queue=~"{service.database}[.](from|acks)[.].+"}}))'
    unsent = f'max(outbox_oldest_unsent_seconds{{service="{service.name}"}})'
    made = [scale(service, "relay", 3, trigger(unsent, "5"))]
    if "worker" in service.processes:
        made.insert(0, scale(service, "worker", 6, trigger(waiting, "4")))
    if "sender" in service.processes:
        made.append(scale(service, "sender", 4, trigger("max(webhook_oldest_due_seconds)", "5")))
    return made


def trigger(query: str, threshold: str) -> Manifest:
    """Asks for one process for each `threshold` in the query's result."""
    metadata = {"serverAddress": PROMETHEUS, "query": query, "threshold": threshold}
    return {"type": "prometheus", "metricType": "AverageValue", "metadata": metadata}


def scale(service: Service, process: str, most: int, by: Manifest) -> Manifest:
    """At least two, so that one serves while the other is replaced; also two when Prometheus does not answer."""
    labels = {"app.kubernetes.io/name": service.name, "app.kubernetes.io/part-of": "knogin"}
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {
            "name": f"{service.name}-{process}",
            "labels": labels | {"app.kubernetes.io/component": process},
        },
        "spec": {
            "scaleTargetRef": {"name": f"{service.name}-{process}"},
            "minReplicaCount": 2,
            "maxReplicaCount": most,
            "pollingInterval": 15,
            "fallback": {"failureThreshold": 4, "replicas": 2},
            "triggers": [by],
        },
    }


def rules() -> Manifest:
    """The alerts of deploy/prometheus/alerts.yml."""
    groups = yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yml").read_text())["groups"]
    for rule in (rule for group in groups for rule in group["rules"]):
        rule["expr"] = ELSEWHERE.get(rule["alert"], rule["expr"])
    groups.append({"name": "kubernetes", "rules": of_kubernetes()})
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "knogin"},
        "spec": {"groups": groups},
    }


def of_kubernetes() -> list[Manifest]:
    """Alerts that only a cluster needs: of pods that are not there, which have no target either, and of volumes."""
    kinds = [(kind, service.name) for service in SERVICES for kind in service.processes] + [("gateway", "gateway")]
    missing = [f'absent_over_time(up{{job="{kind}",service="{name}"}}[5m])' for kind, name in kinds]
    free = 'kubelet_volume_stats_available_bytes / kubelet_volume_stats_capacity_bytes{namespace="knogin"}'
    waiting = 'max by (service) (cnpg_collector_pg_wal_archive_status{value="ready"})'
    return [
        alert(
            "ProcessMissing",
            " or ".join(missing),
            "1m",
            "No {{ $labels.job }} of {{ $labels.service }} runs",
            "find-a-request",
        ),
        alert(
            "VolumeNearlyFull",
            f"min by (persistentvolumeclaim) ({free}) < 0.2",
            "5m",
            "The volume {{ $labels.persistentvolumeclaim }} is nearly full",
            "disk-full",
        ),
        alert(
            "WalNotArchived",
            f"{waiting} > 64",
            "10m",
            "A GiB of changes of the database of {{ $labels.service }} waits for the store of backups; it stops when its volume is full",
            "disk-full",
        ),
    ]


def alert(name: str, expression: str, since: str, summary: str, runbook: str) -> Manifest:
    """One that pages. `since` is how long the expression must have held."""
    return {
        "alert": name,
        "expr": expression,
        "for": since,
        "labels": {"severity": "page"},
        "annotations": {"summary": summary, "runbook": f"deploy/runbooks/{runbook}.md"},
    }


def main(folder: Path = FOLDER) -> None:
    for name, text in files().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


if __name__ == "__main__":
    main()
