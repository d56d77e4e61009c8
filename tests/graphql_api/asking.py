"""How tests speak to graphql-api."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

import httpx2
from psycopg_pool import ConnectionPool

from services.graphql_api.acqi import counting
from services.graphql_api.settings import Settings
from services.graphql_api.tasks import store_apps
from services.graphql_api.transport.documents import Catalogue
from shared.messaging.messages import EncounterFacts, GraphqlApp
from shared.primitives import ids
from shared.process.settings import required
from shared.storage.database import Connection, open_tasks_pool, task_transaction
from shared.web.identity import HEADER, Caller, mint
from shared.web.scopes import Mode
from tests.support.alone import KEY
from tests.support.messages import received

SCOPES = ("argus:acqi:read", "argus:incidents:write", "argus:telephony:write", "webhooks:write")


_pools: dict[str, ConnectionPool[Connection]] = {}
"""The pools of this module's workers: to open one for each task costs ten times as much as the task."""


def close_pools() -> None:
    while _pools:
        _pools.popitem()[1].close()


class Asking:
    """Sends the requests of a tenant's client; each call can choose the token's scopes and tenant."""

    def __init__(self, client: httpx2.Client, settings: Settings, catalogue: Catalogue) -> None:
        self.client = client
        self.settings = settings
        self.catalogue = catalogue
        self.tenant, self.other_tenant = ids.new_id("org"), ids.new_id("org")
        self.client_id = ids.new_id("app")
        self.versions = 0

    def identity(
        self,
        tenant: str = "",
        client_id: str = "",
        scopes: Collection[str] = SCOPES,
        environment: Literal["production", "sandbox"] = "production",
        mode: Mode = "exact",
    ) -> str:
        caller = Caller(
            tenant_id=tenant or self.tenant,
            client_id=client_id or self.client_id,
            scopes=frozenset(scopes),
            token_use="service",
            environment=environment,
            deidentification=mode,
        )
        return mint(caller, KEY, "graphql_api")

    def raw(self, method: str = "POST", path: str = "/graphql", **given: Any) -> httpx2.Response:
        """Any request, with an identity unless `headers` bring one or set it to None."""
        headers = {HEADER: self.identity()} | dict(given.pop("headers", {}))
        sent = {name: value for name, value in headers.items() if value is not None}
        return self.client.request(method, path, headers=sent, **given)

    def document(
        self,
        document: str,
        variables: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        **who: Any,
    ) -> dict[str, Any]:
        """The JSON of a 200."""
        sent = {HEADER: self.identity(**who)} | dict(headers or {})
        response = self.client.post("/graphql", json={"query": document, "variables": variables or {}}, headers=sent)
        assert response.status_code == 200, response.text
        return response.json()

    def operation(self, name: str, variables: Mapping[str, Any] | None = None, **given: Any) -> dict[str, Any]:
        """Sends an approved document by its name."""
        return self.document(self.text(name), variables, **given)

    def data(self, name: str, variables: Mapping[str, Any] | None = None, **given: Any) -> Any:
        """The one root field of an approved document that must succeed."""
        answer = self.operation(name, variables, **given)
        assert "errors" not in answer, answer
        (value,) = answer["data"].values()
        return value

    def code(self, name: str, variables: Mapping[str, Any] | None = None, **given: Any) -> str:
        """The one error's code."""
        (error,) = self.operation(name, variables, **given)["errors"]
        return error["extensions"]["code"]

    def text(self, name: str) -> str:
        operations = [operation for bundle in self.catalogue.bundles.values() for operation in bundle.operations]
        return next(operation.text for operation in operations if operation.name == name)

    def grant(self, *bundles: str, tenant: str = "", client_id: str = "", status: Any = "active") -> None:
        self.versions += 1
        client_id = client_id or self.client_id
        app = GraphqlApp(client_id=client_id, version=self.versions, status=status, graphql_bundles=list(bundles))
        with self.worker() as conn:
            store_apps(conn, [received(tenant or self.tenant, app)])

    def count(self, *facts: EncounterFacts, tenant: str = "") -> None:
        """Sends facts as epcr does."""
        with self.worker() as conn:
            counting.store(conn, [received(tenant or self.tenant, fact) for fact in facts])

    @contextmanager
    def worker(self) -> Iterator[Connection]:
        address = required(self.settings.worker_database_url, "")
        if address not in _pools:
            _pools[address] = open_tasks_pool(address, max_size=16)
        with task_transaction(_pools[address]) as conn:
            yield conn
