"""Writes stack.json, which describes the running stack to the demo, tests and other programs. Its names are an interface."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from deploy.local.plan import Plan
from deploy.local.ports import LOOPBACK
from deploy.local.process import Process
from deploy.local.state import write_json
from deploy.local.table import HOSTS, ROOT


def write(plan: Plan, processes: Sequence[Process], tenants: Mapping[str, Any], ready: bool) -> None:
    state = plan.state
    gateway = next(process for process in processes if process.name == "gateway")
    content: dict[str, Any] = {
        "ready": ready,
        "gateway": plan.url("gateway"),
        "hosts": HOSTS,
        "issuer": plan.issuer,
        "services": {service.name: _service(plan, service.name, processes) for service in plan.services},
        "gateway_pid": gateway.last_pid,
        "gateway_ops": _ops(plan, "gateway"),
        "supervisor_pid": os.getpid(),
        "redis_url": plan.redis_url,
        "postgres_url": plan.postgres_url,
        "spans": str(state.spans),
        "logs": str(state.logs),
        "state": str(state.folder),
        "source": str(ROOT),
        "identity_signing_key": plan.identity_signing_key,
    }
    if tenants:
        demo, other = (dict(tenants[key]) for key in ("demo", "other"))
        content["tenant"] = {"id": demo.pop("tenant_id")}
        content["other_tenant"] = {"id": other.pop("tenant_id"), "admin": other}
        content["admin"] = demo
    write_json(state.stack, content)


def _service(plan: Plan, name: str, processes: Sequence[Process]) -> dict[str, Any]:
    database = plan.databases[name]
    mine = [process for process in processes if process.service == name]
    return {
        "url": plan.url(f"{name}-web"),
        "database_url": database.app,
        "worker_database_url": database.worker,
        "migration_database_url": database.migrator,
        "pids": {process.kind: process.last_pid for process in mine},
        "ops": {process.kind: _ops(plan, process.name) for process in mine},
    }


def _ops(plan: Plan, process: str) -> str:
    return f"http://{LOOPBACK}:{plan.ops_ports[process]}"
