-- Functions are granted by name since shared/0005; only the worker adds up.
REVOKE EXECUTE ON FUNCTION add_bins(integer[], integer[]) FROM {{app}};
GRANT EXECUTE ON FUNCTION add_bins(integer[], integer[]) TO {{worker}};
