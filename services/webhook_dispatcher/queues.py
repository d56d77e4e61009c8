"""The names that the other side of a queue or a bell must know."""

SERVICE = "webhook_dispatcher"
# The bell of the senders.
SENDER = "webhook_dispatcher.sender"
