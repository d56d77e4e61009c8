-- The stopped ones are looked at every second.
CREATE INDEX subscriptions_stopped ON subscriptions (id) WHERE NOT enabled OR paused;
