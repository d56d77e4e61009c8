"""One service alone: its settings, its application on a real socket, callers as the gateway would pass them on, and its database."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, TypeVar

import httpx2
import msgspec
import psycopg

from deploy.local.databases import Database
from deploy.local.table import by_name
from shared.messaging import worker
from shared.primitives import ids
from shared.primitives.crypto import base64url_encode
from shared.web.identity import HEADER, Caller, SigningKey, mint
from tests.support.messages import require_valid, settings_of
from tests.support.plain import PLAIN
from tests.support.serving import serving

S = TypeVar("S", bound=msgspec.Struct)
KEY_TEXT = f"test-1:{base64url_encode(bytes(range(32)))}"
KEY = SigningKey(KEY_TEXT)
"""The gateway's, for identity headers."""
ENCRYPTION_KEYS = f"1:{base64url_encode(bytes(32))}"


def settings_for(kind: type[S], database: Database, redis_url: str, **changes: Any) -> S:
    """The settings of the service whose database that is, with `changes`."""
    fields: dict[str, Any] = {
        "database_url": database.app,
        "worker_database_url": database.worker,
        "redis_url": redis_url,
        "identity_public_keys": KEY.public_text(),
        "encryption_keys": ENCRYPTION_KEYS,
        **settings_of(by_name(database.service).database),
    }
    return kind(**(fields | changes))


def environment_of(settings: msgspec.Struct, **changes: object) -> dict[str, str]:
    """The environment variables from which `settings` would be read, with `changes`."""
    values = msgspec.structs.asdict(settings) | changes
    return {name.upper(): str(value) for name, value in values.items() if value is not None}


@contextmanager
def client_of(app: Any) -> Iterator[httpx2.Client]:
    """Serves the application while the block runs. Yields a client of it."""
    with serving(app) as url, httpx2.Client(base_url=url, timeout=30, trust_env=False, verify=PLAIN) as client:
        yield client


def send(http: httpx2.Client, caller: Caller, service: str, method: str, path: str, **options: Any) -> httpx2.Response:
    """A request as the gateway passes it on. A field of `headers` takes the place of the gateway's."""
    request = http.build_request(method, path, **options)
    request.headers.setdefault(HEADER, mint(caller, KEY, service))
    return http.send(request)


class App:
    """An app of one tenant, by default of a new one, whose calls come as the gateway would pass them on."""

    service: ClassVar[str]
    """The audience of its identity headers."""
    scopes: ClassVar[tuple[str, ...]] = ()
    """The scopes of an app to which no others are given."""

    def __init__(self, http: httpx2.Client, tenant_id: str = "", *scopes: str, **caller: Any) -> None:
        self.http = http
        described: dict[str, Any] = {
            "tenant_id": tenant_id or ids.new_id("org"),
            "client_id": ids.new_id("app"),
            "scopes": frozenset(scopes or self.scopes),
            "token_use": "service",
        }
        self.caller = Caller(**(described | caller))

    @property
    def tenant_id(self) -> str:
        return self.caller.tenant_id

    @property
    def client_id(self) -> str:
        return self.caller.client_id

    def headers(self) -> dict[str, str]:
        return {HEADER: mint(self.caller, KEY, self.service)}

    def call(self, method: str, path: str, **options: Any) -> httpx2.Response:
        return send(self.http, self.caller, self.service, method, path, **options)

    def get(self, path: str, **options: Any) -> httpx2.Response:
        return self.call("GET", path, **options)

    def post(self, path: str, body: Any = None, **headers: str) -> httpx2.Response:
        """Without a body if none is given. Keyword arguments are header fields, with `_` for `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.call("POST", path, headers=named, **({} if body is None else {"json": body}))

    def patch(self, path: str, body: Any) -> httpx2.Response:
        return self.call("PATCH", path, json=body)


class Inside:
    """The database as its owner sees it, past row-level security; and as the worker's tasks do."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.owner = psycopg.connect(database.migrator, autocommit=True)

    def close(self) -> None:
        self.owner.close()

    def rows(self, query: Any, *parameters: Any) -> list[tuple[Any, ...]]:
        return self.owner.execute(query, parameters).fetchall()

    def messages(self, tenant_id: str, name: str) -> list[dict[str, Any]]:
        """Bodies left in the outbox for that tenant under that name, in order. Every event must follow the schema of its type."""
        query = "SELECT body::text FROM outbox WHERE tenant_id = %s AND name = %s ORDER BY id"
        found = [json.loads(body) for (body,) in self.rows(query, tenant_id, name)]
        for event in found if name == "webhook_dispatcher.event.v1" else ():
            require_valid(event["type"], event["data"])
        return found

    @contextmanager
    def task(self) -> Iterator[Any]:
        """A transaction as tasks get it."""
        with worker.open_tasks_pool(self.database.worker, max_size=1) as pool, worker.task_transaction(pool) as conn:
            yield conn
