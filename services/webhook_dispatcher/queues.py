"""The names that the other side of a queue or a bell must know."""

SERVICE = "webhook_dispatcher"
# The bell of the senders. A ring names, with spaces between, subscriptions that something has come to wait for; any other text, anyone.
SENDER = "webhook_dispatcher.sender"
MOST_NAMED = 256
MOST_RINGS = 64
