"""Tenants that ask for something: one for each test, since what one is granted no other test may see."""

from typing import Any

import httpx2

from shared.primitives.ids import new_id
from tests.auth.support import Auth
from tests.auth.test_operator import operate

PATH = "/v1/platform/integration-requests"


class Organisation:
    """A tenant with an admin, called as the gateway would call for it."""

    def __init__(self, auth: Auth, *words: str) -> None:
        self.auth = auth
        self.tenant_id = operate(auth, "tenant", "create", "Coastal Rescue", *words)
        self.me = {"tenant_id": self.tenant_id, "client_id": new_id("app")}

    def call(self, method: str, path: str, **options: Any) -> httpx2.Response:
        return self.auth.call(method, path, self.auth.caller(tenant=self.me), **options)

    def post(self, capability: str, details: dict[str, Any] | None = None, **fields: Any) -> httpx2.Response:
        named = {"details": details} if details is not None else {}
        return self.call("POST", PATH, json={"capability": capability} | named | fields)

    def ask(self, capability: str, details: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
        answer = self.post(capability, details, **fields)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def read(self, request: dict[str, Any]) -> dict[str, Any]:
        return self.call("GET", f"{PATH}/{request['id']}").json()

    def withdraw(self, request: dict[str, Any]) -> httpx2.Response:
        return self.call("POST", f"{PATH}/{request['id']}/withdraw")

    def scopes(self) -> set[str]:
        return {scope["name"] for scope in self.call("GET", "/v1/platform/scopes").json()["scopes"]}

    def row(self, column: str) -> Any:
        return self.auth.sql(f"SELECT {column} FROM tenants WHERE tenant_id = %s", self.tenant_id)[0][0]

    def messages(self, name: str) -> list[dict[str, Any]]:
        rows = self.auth.sql(
            "SELECT body FROM outbox WHERE tenant_id = %s AND name = %s ORDER BY id", self.tenant_id, name
        )
        return [body for (body,) in rows]

    def trail(self) -> list[str]:
        rows = self.auth.sql("SELECT action FROM audit WHERE tenant_id = %s ORDER BY id", self.tenant_id)
        return [action for (action,) in rows]
