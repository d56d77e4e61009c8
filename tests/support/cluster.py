"""Migrated databases for tests, copied from one template per service."""

import itertools
from pathlib import Path

from deploy.local import databases
from deploy.local.databases import Database
from deploy.local.postgres import Cluster, new_password


class TestDatabases:
    """Makes and drops databases on one cluster; a template is migrated the first time a service asks."""

    __test__ = False

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.passwords = databases.passwords_for(databases.SERVICES)
        self.templates: dict[str, str] = {}
        self.numbers = itertools.count(1)

    def fresh(self, service_name: str) -> Database:
        """A new database of that service (public or database name) with every migration applied and no rows."""
        service = databases.by_name(service_name)
        name = f"{service.database}_{next(self.numbers)}"
        databases.create(self.cluster.url, service, name, template=self._template(service.name))
        return databases.described(service, self.cluster.url, self.passwords, name)

    def drop(self, database: Database) -> None:
        databases.drop(self.cluster.url, database.name)

    def _template(self, service_name: str) -> str:
        if service_name not in self.templates:
            service = databases.by_name(service_name)
            template = f"{service.database}_template"
            databases.prepare_roles(self.cluster.url, service, self.passwords)
            databases.create(self.cluster.url, service, template)
            described = databases.described(service, self.cluster.url, self.passwords, template)
            databases.migrate(described.migrator, service)
            self.templates[service_name] = template
        return self.templates[service_name]


def start_cluster(folder: Path) -> Cluster:
    """A cluster that forgets to flush: nothing in it outlives the test session."""
    cluster = Cluster(folder, new_password(), durable=False)
    cluster.start()
    cluster.wait()
    return cluster
