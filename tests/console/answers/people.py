"""Answers about people: the roles of an ordinary organisation."""

from services.console.people.views import ROLES

ANSWERS = {"GET /v1/platform/roles": {"roles": [{"role": name, "description": name, "scopes": []} for name in ROLES]}}
