"""`python -m services.<name>`: the same commands for every service; each adds its own."""

import importlib
import os
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from shared.messaging.messages import Versioned, queues_of
from shared.process.settings import Process, Service, required

# Each command imports its modules only when it is called: else every command would load all modules first, for a second.
LOOPBACK = "127.0.0.1"
OpsHost = Annotated[str, typer.Option(help="Address of the probes and metrics (OPS_PORT).")]
AllowanceOf = Annotated[str, typer.Argument(help="The organisation's id.")]
Most = Annotated[int | None, typer.Argument(min=0, help="The number; without it, only the present ones are shown.")]
Default = Annotated[bool, typer.Option("--default", help="The deployment's number again.")]
TIMES = ["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"]


def observe(name: str, settings: Process, ops_host: str) -> threading.Event:
    """Starts logs, traces and the ops port of this process. Call it after any fork. `/readyz` is 200 while the returned event is set.

    The settings leave the environment, so that processes for heavy work, which the standard library starts with it, have no secret there.
    """
    from shared import operations
    from shared.process import telemetry

    telemetry.configure_logs(name, settings.log_level)
    telemetry.configure_tracing(
        name,
        spans_file=settings.spans_file,
        otlp_endpoint=settings.otel_exporter_otlp_endpoint,
        sampler_arg=settings.otel_traces_sampler_arg,
    )
    for name_of_setting in settings.__struct_fields__:
        os.environ.pop(name_of_setting.upper(), None)
    working = threading.Event()
    operations.serve(settings.ops_port, ready=working.is_set, host=ops_host)
    return working


def change_allowance(
    settings: Service,
    tenant: str,
    most: int | None,
    deployments: int,
    set_limit: Callable[[Any, str, int | None], None],
    show: Callable[[Any, str, int], tuple[int, int]],
    *,
    default: bool,
) -> None:
    """Sets the organisation's allowance, if one is given, and prints it with its use."""
    import psycopg

    from shared.primitives import ids

    if not ids.is_id(tenant, "org"):
        raise SystemExit(f"{tenant} is not the id of an organisation")
    if most is not None and default:
        raise SystemExit("give a number or --default")
    with psycopg.connect(required(settings.worker_database_url, "WORKER_DATABASE_URL"), autocommit=True) as conn:
        if most is not None or default:
            set_limit(conn, tenant, most)
        allowed, used = show(conn, tenant, deployments)
    typer.echo(f"allowance {allowed}  used {used}")


def commands(
    load: Callable[[], Service], package: Path, versioned: tuple[Versioned, ...] = (), *, consumes: bool = True
) -> typer.Typer:
    """The commands of the service in the folder `package`. Its database has the same name, and its queues' names begin with it.

    The commands call `create_app` of the module `app`, and `create_worker` and `periodic` of the module `tasks`, each with the
    settings from `load`. `versioned` are the tables that store versions of other services' announcements. A service to which nobody
    sends messages (`consumes` is False) has no worker.
    """
    name = package.name.replace("_", "-")
    cli = typer.Typer(
        no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=f"Operate {name}."
    )
    _add_processes(cli, name, load, package, consumes=consumes)
    _add_migrate(cli, load, package)
    _add_outbox(cli, load)
    if versioned:
        _add_states(cli, load, versioned)
    if consumes:
        _add_worker(cli, name, load, package)
        _add_dead_letters(cli, load, package)
    _add_audit(cli, load, package.name)
    return cli


def _module(package: Path, name: str) -> Any:
    """Imports a module of the service, only for the command that needs it."""
    return importlib.import_module(f"{package.parent.name}.{package.name}.{name}")


def _add_processes(cli: typer.Typer, name: str, load: Callable[[], Service], package: Path, *, consumes: bool) -> None:
    @cli.command()
    def web(
        port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
        host: Annotated[str, typer.Option(help="Address to listen on.")] = LOOPBACK,
        fd: Annotated[
            int | None, typer.Option(help="Listening socket inherited from a supervisor, instead of host and port.")
        ] = None,
        ops_host: OpsHost = LOOPBACK,
    ) -> None:
        """Serve HTTP."""
        from shared.web.serving import serve

        settings = load()
        working = observe(name, settings, ops_host)
        serve(_module(package, "app").create_app(settings), host, port, fd, working)

    @cli.command(name="relay")
    def run_relay(ops_host: OpsHost = LOOPBACK) -> None:
        """Send the outbox and do the periodic work."""
        from shared.messaging import relay
        from shared.storage import jobs as shared_jobs

        settings = load()
        required(settings.service_signing_key, "SERVICE_SIGNING_KEY")
        working = observe(name, settings, ops_host)
        wait_for_schema(settings, package)
        jobs = [*shared_jobs.of_every_service(package.name, settings), *_module(package, "tasks").periodic(settings)]
        if consumes:
            jobs += _jobs_of_operators(package.name, settings, _module(package, "tasks"))
        relay.run(package.name, settings, jobs, working)


def _jobs_of_operators(service: str, settings: Service, tasks: Any) -> list[Any]:
    """`tasks.acts(settings)` are the service's own acts of operators, `tasks.figures` its own figures; it may have none."""
    from functools import cache

    from shared.operators import acts

    worker = cache(lambda: tasks.create_worker(settings))

    def revive(message_id: str) -> bool:
        return worker().consumer.revive(message_id)

    own = tasks.acts(settings) if hasattr(tasks, "acts") else {}
    return acts.periodic(own, revive, getattr(tasks, "figures", None))


def _add_worker(cli: typer.Typer, name: str, load: Callable[[], Service], package: Path) -> None:
    @cli.command()
    def worker(
        concurrency: Annotated[
            int, typer.Option(help="Tasks at a time, each in a thread.", envvar="WORKER_CONCURRENCY")
        ] = 4,
        only: Annotated[
            str, typer.Option(help="Queues to serve, comma-separated; all of this service's by default.")
        ] = "",
        ops_host: OpsHost = LOOPBACK,
    ) -> None:
        """Consume messages and run the service's own tasks."""
        from shared.messaging.worker import work

        settings = load()
        celery = _module(package, "tasks").create_worker(settings)
        working = observe(name, settings, ops_host)
        wait_for_schema(settings, package)
        work(celery, only or ",".join(queues_of(package.name)), concurrency, working)


def wait_for_schema(settings: Service, package: Path) -> None:
    """Waits until the database has every migration that this code expects. Workers and relays do no work and are not ready before."""
    import signal

    from shared.storage import migrate

    # No work has begun, so SIGTERM can end the process at once. In a container a signal without a handler would be lost.
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    migrate.wait_until_applied(required(settings.worker_database_url, "WORKER_DATABASE_URL"), package)
    signal.signal(signal.SIGTERM, before)


def _add_migrate(cli: typer.Typer, load: Callable[[], Service], package: Path) -> None:
    @cli.command(name="migrate")
    def run_migrations(
        check: Annotated[
            bool, typer.Option("--check", help="Only list what is missing; exit 1 if anything is.")
        ] = False,
    ) -> None:
        """Bring the database up to date."""

        from shared.storage import migrate

        settings = load()
        dsn = required(settings.migration_database_url, "MIGRATION_DATABASE_URL")
        directories = [migrate.SHARED, package / "migrations"]
        if check:
            missing = migrate.pending(dsn, directories)
            typer.echo("\n".join(missing) or "up to date")
            raise typer.Exit(bool(missing))
        worker_dsn = required(settings.worker_database_url, "WORKER_DATABASE_URL")
        roles = migrate.role_of(settings.database_url), migrate.role_of(worker_dsn)
        try:
            for migration in migrate.migrate(dsn, *roles, directories):
                typer.echo(migration)
        except migrate.Blocked as blocked:
            raise SystemExit(str(blocked)) from None


def _add_outbox(cli: typer.Typer, load: Callable[[], Service]) -> None:
    outbox = typer.Typer(no_args_is_help=True, help="Messages to send.")
    cli.add_typer(outbox, name="outbox")

    @outbox.command()
    def replay(
        since: Annotated[
            datetime, typer.Option(formats=TIMES, help="UTC; messages written since then are sent again.")
        ],
    ) -> None:
        """Send acknowledged messages again, for a consumer whose database was restored. It skips messages whose ids it still has."""
        from shared.messaging import outbox as messages_out

        with _pool(load()).connection() as conn:
            typer.echo(f"{messages_out.replay(conn, since.replace(tzinfo=UTC))} messages will be sent again")


def _add_states(cli: typer.Typer, load: Callable[[], Service], versioned: tuple[Versioned, ...]) -> None:
    group = typer.Typer(help="Copies of other services' states in this service.")
    cli.add_typer(group, name="states")

    @group.callback()
    def main() -> None:
        """Copies of other services' states in this service."""

    @group.command()
    def heal(
        yes: Annotated[bool, typer.Option("--yes", help="Lower them; without it they are only listed.")] = False,
        above: Annotated[
            int | None,
            typer.Option(min=0, help="For versions that count changes: a number higher than any real version."),
        ] = None,
    ) -> None:
        """Lower impossible versions, so that the next announcement is applied. Needs MIGRATION_DATABASE_URL.

        Prints table, tenant, id and version of each. Afterwards announce the states again: `python -m services.auth apps announce`.
        """
        import psycopg

        from shared.messaging import states

        dsn = required(load().migration_database_url, "MIGRATION_DATABASE_URL")
        with psycopg.connect(dsn, autocommit=True) as conn:
            for table in versioned:
                count = 0
                for found in states.ahead(conn, table, above):
                    typer.echo("\n".join("  ".join((table.name, *map(str, one))) for one in found))
                    count += states.heal(conn, table, found, above) if yes else len(found)
                done = "lowered" if yes else "cannot be; --yes lowers them" if count else "cannot be"
                typer.echo(f"{table.name}: {count} versions {done}")


def _add_dead_letters(cli: typer.Typer, load: Callable[[], Service], package: Path) -> None:
    letters = typer.Typer(
        no_args_is_help=True, help="Messages that failed five times, or ended their worker three times."
    )
    cli.add_typer(letters, name="dead-letters")

    @letters.command(name="list")
    def show(limit: int = 50) -> None:
        """The newest dead letters: id, tenant, producer, message, reason, time."""
        from shared.messaging import dead_letters

        for row in dead_letters.newest(_pool(load()), limit):
            typer.echo("  ".join(row))

    @letters.command()
    def retry(message_id: UUID) -> None:
        """Try one again now; if it fails, it stays a dead letter."""
        from shared.messaging.authenticity import Refusal

        worker = _module(package, "tasks").create_worker(load())
        try:
            revived = worker.consumer.revive(str(message_id))
        except Refusal as refusal:
            raise SystemExit(
                f"its producer cannot have sent this message ({refusal}); see forged-messages.md"
            ) from None
        if not revived:
            raise SystemExit(f"there is no dead letter {message_id}")
        typer.echo("done")


def _add_audit(cli: typer.Typer, load: Callable[[], Service], trail_name: str) -> None:
    trail = typer.Typer(no_args_is_help=True, help="The audit trail.")
    cli.add_typer(trail, name="audit")

    @trail.command()
    def verify(
        expect: Annotated[
            list[str] | None,
            typer.Option(
                help="A head stored elsewhere, <position>:<hash>, that must still be in the chain; may be repeated."
            ),
        ] = None,
        anchors: Annotated[
            list[Path] | None,
            typer.Option(
                help="A file with anchors: the relay's anchor file or its log; may be repeated.",
                exists=True,
                dir_okay=False,
            ),
        ] = None,
    ) -> None:
        """Check every entry against the chain, and the chain against its signed anchors; exit 1 at the first mismatch.

        The relay writes an anchor each minute in which the trail grew, to its log and to AUDIT_ANCHOR_FILE, which this command also reads.
        """
        from shared.primitives.crypto import PublicKeys
        from shared.storage import audit_check
        from shared.storage.database import task_transaction

        settings = load()
        files = [*(anchors or ()), *([Path(settings.audit_anchor_file)] if settings.audit_anchor_file else ())]
        try:
            kept: list[Any] = []
            for file in files:
                keys = PublicKeys(required(settings.service_public_keys, "SERVICE_PUBLIC_KEYS"))
                with file.open(encoding="utf-8", errors="replace") as lines:
                    kept.extend(audit_check.read_anchors(lines, trail_name, keys))
            with task_transaction(_pool(settings)) as conn:
                typer.echo(audit_check.check(conn, kept, expect or ()))
        except audit_check.Broken as broken:
            raise SystemExit(str(broken)) from None
        except ValueError:
            raise SystemExit("a head is <position>:<hash>, as this command prints it") from None


def _pool(settings: Service) -> Any:
    from shared.storage.database import open_tasks_pool

    return open_tasks_pool(required(settings.worker_database_url, "WORKER_DATABASE_URL"), max_size=1)
