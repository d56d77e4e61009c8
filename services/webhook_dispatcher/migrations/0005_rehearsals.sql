-- Whether the tenant is a sandbox, as the call that made or last changed a webhook said: what we say of the webhook ourselves is then a test.
ALTER TABLE subscriptions ADD COLUMN rehearses boolean NOT NULL DEFAULT false;
