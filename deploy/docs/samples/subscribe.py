from knogin import Knogin, models

with Knogin(base_url="https://api.knogin.com") as client:
    webhook = client.webhooks.create_webhook(
        models.webhooks.NewWebhook(
            url="https://integrator.example/webhooks/knogin",
            events=["epcr.encounter.completed"],
        )
    )
    print("store this secret now:", webhook.secret)
    diagnosis = client.webhooks.send_test_webhook(webhook.id, wait=True)
    print(diagnosis)
