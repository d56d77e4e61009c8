-- The webhooks that need somebody (`troubled=true`), which are few: an organisation with thousands finds its failing one at once.
CREATE INDEX subscriptions_troubled ON subscriptions (tenant_id, id)
    WHERE failing_since IS NOT NULL OR disabled_reason IS NOT NULL OR NOT events <@ live_events;
