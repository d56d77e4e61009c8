"""Messages between services: outbox, relay, queues, inbox, dead letters."""
