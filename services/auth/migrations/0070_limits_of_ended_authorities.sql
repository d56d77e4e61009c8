-- A row becomes a message: a longer one, which only a process in strange hands writes, could not be sent and would hold up all behind it.
ALTER TABLE ended_authorities ADD CONSTRAINT ended_authorities_fit_a_message CHECK (
    octet_length(tenant_id) + coalesce(octet_length(grant_id), 0) + coalesce(octet_length(user_id), 0)
    + coalesce(octet_length(client_id), 0) + coalesce(octet_length(array_to_string(scopes_left, ' ')), 0)
    + coalesce(cardinality(scopes_left), 0) <= 16384
) NOT VALID;
