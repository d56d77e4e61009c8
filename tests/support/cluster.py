"""Migrated databases for tests. Each is a copy of its service's template, and is reused if only its rows changed."""

import contextlib
import itertools
from pathlib import Path

import psycopg

from deploy.local import databases
from deploy.local.databases import Database
from deploy.local.postgres import Cluster, new_password
from deploy.local.table import SERVICES, by_name
from tests.support.wiping import Template


class TestDatabases:
    """Gives out databases of one cluster and takes them back. A service's template is migrated at its first use."""

    __test__ = False

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.passwords = databases.passwords_for(SERVICES)
        self.templates: dict[str, Template] = {}
        self.spare: dict[str, list[Database]] = {}
        # Kept open: a new connection costs the server several times more than the statements of a restoration.
        self.connections: dict[str, psycopg.Connection] = {}
        self.numbers = itertools.count(1)

    def fresh(self, service_name: str) -> Database:
        """A database of that service (public or database name) with every migration applied and no rows."""
        service = by_name(service_name)
        if spare := self.spare.get(service.name):
            return spare.pop()
        name = f"{service.database}_{next(self.numbers)}"
        databases.create(self.cluster.url, service, name, template=self._template(service.name).name)
        return databases.described(service, self.cluster.url, self.passwords, name)

    def take_back(self, database: Database) -> None:
        """Restores the database for the next test, or drops it if its tables changed."""
        if self.templates[database.service].restore(self._connection(database)):
            self.spare.setdefault(database.service, []).append(database)
        else:
            self.connections.pop(database.name).close()
            databases.drop(self.cluster.url, database.name)

    def _connection(self, database: Database) -> psycopg.Connection:
        """A working connection; a new one if a test ended the last."""
        conn = self.connections.get(database.name)
        with contextlib.suppress(psycopg.OperationalError):
            if conn is not None:
                conn.execute("SELECT 1")
                return conn
        conn = self.connections[database.name] = psycopg.connect(database.admin, autocommit=True)
        return conn

    def close(self) -> None:
        for conn in self.connections.values():
            conn.close()

    def _template(self, service_name: str) -> Template:
        if service_name not in self.templates:
            service = by_name(service_name)
            name = f"{service.database}_template"
            databases.prepare_roles(self.cluster.url, service, self.passwords)
            databases.create(self.cluster.url, service, name)
            described = databases.described(service, self.cluster.url, self.passwords, name)
            databases.migrate(described.migrator, service)
            self.templates[service_name] = Template(name, described.admin)
        return self.templates[service_name]


def start_cluster(folder: Path, within: Path | None = None) -> Cluster:
    """A cluster that does not flush, because the test session deletes it. Its data is below `within`, if that is given."""
    cluster = Cluster(folder, new_password(), durable=False, within=within)
    cluster.start()
    cluster.wait()
    return cluster
