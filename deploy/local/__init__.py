"""The local stack: real PostgreSQL, real Redis, the gateway and the five services on one machine."""
