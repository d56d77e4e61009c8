"""The local stack: real PostgreSQL, real Redis, the gateway and the seven services on one machine."""
