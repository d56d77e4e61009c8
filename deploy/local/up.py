"""`make up`: servers, databases, tenants, processes; then the supervisor's loop until Ctrl-C."""

import os
import shlex
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import psycopg
from rich.console import Console
from rich.text import Text

from deploy.compose import redis_users
from deploy.local import bootstrap, databases, down, environment, plan, ports
from deploy.local.binaries import ProgramMissing
from deploy.local.mailbox import Mailbox
from deploy.local.plan import Misconfigured, Plan, new_secret
from deploy.local.ports import PortTaken
from deploy.local.postgres import Cluster, ServerFailed
from deploy.local.process import Process, import_libraries
from deploy.local.redis_server import RedisServer
from deploy.local.screen import Screen
from deploy.local.state import AlreadyRunning, State, Unusable
from deploy.local.supervisor import Server, StartFailed, Supervisor
from deploy.local.table import SERVICES, Service
from shared.storage.migrate import Blocked, ChangedMigration

FAILURES = (Misconfigured, PortTaken, AlreadyRunning, Unusable, ProgramMissing, ServerFailed, StartFailed)
"""Reasons why a stack cannot start; the text of each is for a person."""


class Interrupted(Exception):
    """A signal came before the supervisor's loop had begun."""


def up(state: State, headless: bool, only: frozenset[str]) -> None:
    """Returns when stopped. Raises one of FAILURES, or Interrupted."""
    lock = state.prepare()
    down.sweep(state)
    state.record_processes({})

    def interrupt(*_: object) -> NoReturn:
        raise Interrupted("stopped before it was up")

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    console = Console(highlight=False)
    screen = Screen(console, live=console.is_terminal and not headless)
    # auth always runs: without its keys the gateway accepts no token.
    services = tuple(service for service in SERVICES if not only or service.name in only | {"auth"})
    serves = {f"{service.name}-{kind}": kind == "web" for service in services for kind in service.processes}
    made = plan.make(state, services, {"gateway": True} | serves)
    screen.begin()
    try:
        with _servers(made, screen) as servers:
            processes = _prepare(made, screen)
            _supervise(Supervisor(made, screen, processes, servers, lock))
    finally:
        screen.end()


def _supervise(supervisor: Supervisor) -> None:
    made, screen = supervisor.plan, supervisor.screen
    auth = next(service for service in made.services if service.name == "auth")

    def read_tenants() -> Mapping[str, Any]:
        tenants = bootstrap.read_answer(made)
        made.state.write_token(tenants["demo"]["access_token"])
        return tenants

    def tell() -> None:
        screen.end()
        screen.console.print(invitation(made, screen.seconds, supervisor.tenants), soft_wrap=True)

    try:
        supervisor.run(bootstrap.process(made, auth), read_tenants, tell)
        screen.say("stopping")
    finally:
        supervisor.stop()
        made.state.stack.unlink(missing_ok=True)
        made.state.processes.unlink(missing_ok=True)


@contextmanager
def _servers(made: Plan, screen: Screen) -> Iterator[list[Server]]:
    """Starts PostgreSQL and Redis, unless settings name others, and imports the libraries meanwhile."""
    named = os.environ.get("KNOGIN_POSTGRES_URL"), os.environ.get("KNOGIN_REDIS_URL")
    cluster: Cluster | None = None
    redis: RedisServer | None = None
    if not named[0]:
        within = os.environ.get("KNOGIN_DATA")
        password = made.state.secret("postgres", new_secret)
        cluster = Cluster(made.state.folder / "postgres", password, within=Path(within) if within else None)
    if not named[1]:
        # With the same users as in the containers, so that a service without a needed right fails here too.
        password = made.state.secret("redis", new_secret)
        redis = RedisServer(made.state.folder / "redis", password, redis_users.beside_default(made.redis_users()))
    writes_mail = any(service.name in environment.WRITE_MAIL for service in made.services)
    mailbox = Mailbox(made.state.folder / "mail") if writes_mail else None
    servers: list[Server] = [server for server in (cluster, redis, mailbox) if server]
    try:
        for server in servers:
            server.start(made.state.last_port(server.name))
        import_libraries()
        for server in servers:
            server.wait()
            screen.phase(server.name, f"127.0.0.1:{server.port}")
        made.postgres_url = named[0] or (cluster.url if cluster else "")
        made.redis_url = named[1] or (redis.url if redis else "")
        made.own_redis = redis is not None
        made.mail_url = mailbox.url if mailbox else ""
        made.state.remember_ports(made.all_ports() | {server.name: server.port for server in servers})
        yield servers
    finally:
        for server in servers:
            server.stop()


def _prepare(made: Plan, screen: Screen) -> list[Process]:
    """Brings the databases up to date and describes every process; the last step before the first fork."""
    ran: list[str] = []
    try:
        for service in made.services:
            passwords = made.role_passwords(service)
            databases.prepare_roles(made.postgres_url, service, passwords)
            databases.create(made.postgres_url, service)
            made.databases[service.name] = databases.described(service, made.postgres_url, passwords)
            ran += databases.migrate(made.databases[service.name].migrator, service)
    except ChangedMigration as error:
        raise StartFailed(
            f"migration {error} was edited after it ran here: `make reset` starts with empty databases"
        ) from error
    except (psycopg.Error, Blocked) as error:
        raise StartFailed(f"the databases could not be prepared: {error}") from error
    environment.remember(made)
    screen.phase("databases", f"{len(made.services)} with {len(ran)} new migrations")
    return [
        Process(
            name="gateway",
            module="gateway",
            arguments=["web", *(f"--fd={listener.fileno()}" for listener in made.gateway_listeners)],
            environment=environment.of_gateway(made),
            log=made.state.logs / "gateway.log",
            service="gateway",
            kind="web",
            listeners=made.gateway_listeners,
            probe_port=made.ops_ports["gateway"],
        ),
        *(_process(made, service, kind) for service in made.services for kind in service.processes),
        *(
            _beside(_process(made, service, "web"), kind, made.ops_ports[f"{service.name}-{kind}"])
            for service in made.services
            for kind in plan.web_kinds(made.web_processes)[1:]
        ),
    ]


def _beside(first: Process, kind: str, ops_port: int) -> Process:
    """A further web process of a service, on the socket of the first."""
    name = f"{first.service}-{kind}"
    return replace(first.successor(ops_port), name=name, kind=kind, log=first.log.with_name(f"{name}.log"))


def _process(made: Plan, service: Service, kind: str) -> Process:
    name = f"{service.name}-{kind}"
    listener = made.listeners.get(name)
    return Process(
        name=name,
        module=service.module,
        arguments=[kind, "--fd", str(listener.fileno())] if listener else [kind],
        environment=environment.of_service(made, service, kind),
        log=made.state.logs / f"{name}.log",
        service=service.name,
        kind=kind,
        listeners=[listener] if listener else [],
        probe_port=ports.port_of(listener) if listener else made.ops_ports[name],
    )


def invitation(made: Plan, seconds: float, tenants: Mapping[str, Any]) -> Text:
    """Printed when the stack is up: addresses, and commands to paste."""
    text = Text(f"\nready in {seconds:.1f} s\n\n", "bold green")
    demo = tenants["demo"]
    # Not by the names of HOSTS: curl and browsers resolve them, most other programs do not.
    here = f"http://localhost:{made.gateway_port}"
    authorized = '-H "Authorization: Bearer $TOKEN"'
    json = '-H "Content-Type: application/json"'
    encounter = '{"care_model": "prehospital_emergency", "vehicle_id": "AMB-42", "crew_ids": ["usr_1"], "cad_incident_id": "cad_999"}'
    for comment, command in (
        (
            "a token of the demo tenant's administrator, good for 12 hours",
            f"TOKEN=$(cat {shlex.quote(str(made.state.token))})",
        ),
        ("the scopes that an app may ask for", f"curl {here}/v1/platform/scopes {authorized}"),
        (
            "an electronic patient care record",
            f"curl {here}/api/v1/epcr/encounters {authorized} {json} -d '{encounter}'",
        ),
        ("the medical devices enrolled", f"curl {here}/api/v1/devices {authorized}"),
        ("the contract, for machines", f"curl {here}/api/docs/openapi.json"),
    ):
        text.append(f"# {comment}\n", "dim").append(f"{command}\n")
    text.append(f"\nfor people: {made.origin('console')}   sign in as {demo['email']} with {demo['password']}\n")
    operator = bootstrap.operator(made)
    text.append(
        f"for operators of the platform: the same address, as {operator['email']} with {operator['password']}"
        f" and an authenticator with the secret {operator['second_factor']}\n"
    )
    text.append(f"documentation: {here}/api/docs   base URL of every call: {here}\n")
    text.append(
        f"mail {made.state.folder / 'mail'}   logs {made.state.logs}   everything else {made.state.stack}\n", "dim"
    )
    text.append("make demo shows an integrator's first day; Ctrl-C stops the stack", "dim")
    return text
