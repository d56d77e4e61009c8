-- Operators: people of the platform's own tenant, whose id is no other's (shared/primitives/ids.py), after a sign-in with a second factor.
-- NOT VALID: the rows that are there pass the narrower checks, and nobody waits for their reading.
ALTER TABLE users DROP CONSTRAINT users_role_check;
ALTER TABLE users ADD CONSTRAINT users_role_check
    CHECK (role IN ('administrator', 'quality_officer', 'integrator', 'auditor', 'operator')) NOT VALID;
ALTER TABLE users ADD CONSTRAINT operators_are_the_platforms
    CHECK (role IS DISTINCT FROM 'operator' OR tenant_id = 'org_00000000000000000000000000') NOT VALID;
ALTER TABLE invitations DROP CONSTRAINT invitations_role_check;
ALTER TABLE invitations ADD CONSTRAINT invitations_role_check
    CHECK (role IN ('administrator', 'quality_officer', 'integrator', 'auditor', 'operator')) NOT VALID;
ALTER TABLE invitations ADD CONSTRAINT operators_are_the_platforms
    CHECK (role <> 'operator' OR tenant_id = 'org_00000000000000000000000000') NOT VALID;

-- Whether the person has shown auth a second factor in this session, and whether the grant comes from such a session.
ALTER TABLE sessions ADD COLUMN second_factor boolean NOT NULL DEFAULT false;
ALTER TABLE grants ADD COLUMN second_factor boolean NOT NULL DEFAULT false;

-- The scopes of operators are in no app but the platform's own console, in no service token, and in no grant without a second factor.
ALTER TABLE apps ADD CONSTRAINT operators_use_the_console CHECK (
    NOT requested_scopes && '{platform:operate:read,platform:operate:write}'::text[]
    OR (tenant_id = 'org_00000000000000000000000000' AND common_app IS NOT DISTINCT FROM 'console')) NOT VALID;
ALTER TABLE service_tokens ADD CONSTRAINT operators_are_people
    CHECK (NOT scopes && '{platform:operate:read,platform:operate:write}'::text[]) NOT VALID;
ALTER TABLE grants ADD CONSTRAINT operators_have_a_second_factor CHECK (
    NOT scopes && '{platform:operate:read,platform:operate:write}'::text[]
    OR (tenant_id = 'org_00000000000000000000000000' AND second_factor)) NOT VALID;
