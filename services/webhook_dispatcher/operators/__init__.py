"""Operators of the platform at webhook-dispatcher: they stop a webhook, or the deliveries of a whole organisation."""
