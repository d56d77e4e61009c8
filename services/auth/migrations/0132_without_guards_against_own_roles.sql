DROP TRIGGER require_known_organisation ON ended_authorities;
DROP TRIGGER require_known_organisation ON ending_apps;
DROP TRIGGER require_known_organisation ON ending_grants;
DROP TRIGGER require_known_organisation ON changing_roles;
DROP TRIGGER require_known_organisation ON invitation_mails;
DROP TRIGGER require_known_organisation ON saml_domains;
DROP FUNCTION public.require_known_organisation();

DROP TRIGGER note_taken_numbers ON revocation_state;
DROP TRIGGER refuse_narrow_watermark ON watermarks;
DROP TRIGGER refuse_short_watermark ON watermarks;
DROP TRIGGER require_numbered_inserts ON watermarks;
DROP TRIGGER require_numbered_updates ON watermarks;
DROP TRIGGER keep_watermarks ON watermarks;
DROP FUNCTION public.note_taken_numbers(), public.refuse_narrow_watermark(), public.require_numbered_watermarks(), public.keep_watermarks();
ALTER TABLE revocation_state DROP COLUMN taken_by, DROP COLUMN taken_after;

DROP TRIGGER require_first_key ON signing_keys;
DROP FUNCTION public.require_first_key();
