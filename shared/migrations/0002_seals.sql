-- Only the sealer, which runs as {{worker}}, adds to the chain.
REVOKE INSERT ON audit_seals FROM {{app}};
