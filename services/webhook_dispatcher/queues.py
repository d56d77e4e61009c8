"""The names of this service's queue and bell, and the limits of the bell."""

SERVICE = "webhook_dispatcher"
# The bell of the senders. Its text names subscriptions with new deliveries, separated by spaces; any other text names none.
SENDER = "webhook_dispatcher.sender"
MOST_NAMED = 256
MOST_RINGS = 64
