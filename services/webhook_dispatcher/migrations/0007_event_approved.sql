-- Functions are nobody's to call but those they are granted to.
GRANT EXECUTE ON FUNCTION event_approved(text, text[]) TO {{app}}, {{worker}};
