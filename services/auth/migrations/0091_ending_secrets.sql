-- Which secrets of an organisation end soon.
CREATE INDEX app_secrets_ending ON app_secrets (tenant_id, expires_at) WHERE expires_at IS NOT NULL;
