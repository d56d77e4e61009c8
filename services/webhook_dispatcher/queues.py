"""The queues that this service's worker serves."""

SERVICE = "webhook_dispatcher"
SEND = "webhook_dispatcher.send"
