"""An operator at one service, and the run of the relay that carries out their acts."""

from typing import Any

import httpx2

from shared.operators import acts
from shared.primitives import ids
from shared.primitives.ids import PLATFORM_TENANT
from shared.storage.database import Connection
from tests.support import alone


def act(http: httpx2.Client, service: str, worker: str, handlers: Any, action: str, subject: str) -> dict[str, Any]:
    """The act after the relay's run. `service` is the audience of identity headers, `worker` the address of its database."""

    class Operator(alone.App):
        scopes = ("platform:operate:write",)

    Operator.service = service
    operator = Operator(http, PLATFORM_TENANT, token_use="access", subject=ids.new_id("usr"), second_factor=True)
    base = f"/v1/operations/{service.replace('_', '-')}/acts"
    made = operator.call("POST", base, json={"action": action, "subject_id": subject, "reason": "It floods us"})
    assert made.status_code == 202, made.text
    with Connection.connect(worker) as conn:
        for job in acts.periodic(handlers, None, None):
            job.run(conn)
            conn.commit()
    return operator.get(made.headers["location"]).json()
