"""A partner's first hour with the Python SDK: app, token, verified webhook, incident, and a secret that is rotated twice under traffic.

Runs by itself with any Python that has the SDK. Reads the administrator's credentials and the address from the environment.
"""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue

from knogin import Knogin, models, webhooks

BUNDLE = "incident-management"
# Type and incident of each webhook whose signature is right.
EVENTS: Queue[tuple[str, str | None]] = Queue()


class Receiver(BaseHTTPRequestHandler):
    secret = ""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        event = webhooks.verify(body, dict(self.headers), self.secret)
        EVENTS.put((event.type, getattr(event.data, "incident_id", None)))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *_: object) -> None:
        pass


def calls(client_id: str, secret: str, ended: threading.Event, counted: Queue[tuple[int, int]]) -> None:
    """Gets tokens with one secret, without a pause, until the end."""
    answered = refused = 0
    while not ended.is_set():
        try:
            with Knogin(client_id, secret, max_retries=0) as client:
                next(iter(client.webhooks.list_webhooks(limit=1).pages()))
            answered += 1
        except Exception as error:  # each kind of failure is a refusal to the partner
            print("refused:", type(error).__name__, error)
            refused += 1
    counted.put((answered, refused))


receiver = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=receiver.serve_forever, daemon=True).start()

with Knogin() as administrator:
    app = administrator.apps.create_app(
        models.apps.AppDraft(
            name="First hour in Python",
            grant_types=["client_credentials"],
            requested_scopes=["argus:incidents:write", "webhooks:write"],
        )
    )
    administrator.apps.update_app_governance(app.client_id, models.apps.GovernanceChange(graphql_bundles=[BUNDLE]))
    with Knogin(app.client_id, app.client_secret) as client:
        webhook = client.webhooks.create_webhook(
            models.webhooks.NewWebhook(url=f"http://127.0.0.1:{receiver.server_port}/", events=["incident.created"])
        )
        Receiver.secret = str(webhook.secret)
        client.webhooks.send_test_webhook(webhook.id, wait=True)
        print("test", EVENTS.get(timeout=30)[0])
        [bundle] = [one for one in client.graphql.list_graphql_bundles().bundles if one.name == BUNDLE]
        [create] = [one.document for one in bundle.operations if one.name == "CreateIncident"]
        answer = client.graphql.execute_graphql(
            models.graphql.GraphqlRequest(query=create, variables={"input": {"type": "medical", "priority": "high"}})
        )
        opened = (answer.data or {})["createIncident"]["id"]
        kind, incident = EVENTS.get(timeout=30)
        print(kind, incident == opened)
    ended, counted = threading.Event(), Queue()
    secrets = [app.client_secret]
    threads = [threading.Thread(target=calls, args=(app.client_id, secrets[0], ended, counted))]
    threads[0].start()
    for _ in range(2):
        rotated = administrator.apps.rotate_app_secret(app.client_id)
        threads.append(threading.Thread(target=calls, args=(app.client_id, rotated.client_secret, ended, counted)))
        threads[-1].start()
        threading.Event().wait(3)
    ended.set()
    sums = [counted.get(timeout=30) for _ in threads]
    print("refused", sum(refused for _, refused in sums), "answered by each", all(answered for answered, _ in sums))
receiver.shutdown()
