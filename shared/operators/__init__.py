"""Calls of operators of the platform at a service: its backlog, its dead letters, and acts."""
