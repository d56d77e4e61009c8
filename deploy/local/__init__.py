"""The local stack: real PostgreSQL, real Redis, the gateway and the six services on one machine."""
