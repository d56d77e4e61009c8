-- Whose token last said what an automation does: its grant, the person behind it if there is one, and when; and whether that has ended,
-- so that only who has authority anew starts it again.
ALTER TABLE automations
    ADD COLUMN authority_ended boolean NOT NULL DEFAULT false,
    ADD COLUMN grant_id text,
    ADD COLUMN made_for text,
    ADD COLUMN authorised_at timestamptz NOT NULL DEFAULT clock_timestamp();
CREATE INDEX automations_of_grant ON automations (tenant_id, grant_id) WHERE grant_id IS NOT NULL;
CREATE INDEX automations_made_for ON automations (tenant_id, made_for) WHERE made_for IS NOT NULL;
