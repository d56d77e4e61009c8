from http.server import BaseHTTPRequestHandler

from knogin import models, webhooks

SECRETS = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            event = webhooks.verify(body, dict(self.headers), SECRETS)
        except webhooks.InvalidWebhook as refused:
            self.send_error(400, str(refused))
            return
        # Put it into your queue under its id, and answer before you work on it.
        print(self.headers["webhook-id"], event.type)
        if isinstance(event, models.events.EpcrEncounterCompleted):
            print(event.data.encounter_id)
        self.send_response(204)
        self.end_headers()
