"""The text that is printed when the stack is up: addresses, and commands to paste."""

import shlex
from collections.abc import Mapping
from typing import Any

from rich.text import Text

from deploy.local.plan import Plan
from deploy.local.table import HOSTS


def invitation(made: Plan, seconds: float, tenants: Mapping[str, Any]) -> Text:
    text = Text(f"\nready in {seconds:.1f} s\n\n", "bold green")
    demo = tenants["demo"]
    auth, api, docs = (f"http://{HOSTS[name]}:{made.gateway_port}" for name in ("auth", "api", "docs"))
    authorized = '-H "Authorization: Bearer $TOKEN"'
    json = '-H "Content-Type: application/json"'
    encounter = '{"care_model": "prehospital_emergency", "vehicle_id": "AMB-42", "crew_ids": ["usr_1"], "cad_incident_id": "cad_999"}'
    for comment, command in (
        (
            "a token of the demo tenant's administrator, good for 12 hours",
            f"TOKEN=$(cat {shlex.quote(str(made.state.token))})",
        ),
        ("the scopes that an app may ask for", f"curl {auth}/v1/platform/scopes {authorized}"),
        (
            "an electronic patient care record",
            f"curl {api}/api/v1/epcr/encounters {authorized} {json} -d '{encounter}'",
        ),
        ("the medical devices enrolled", f"curl {api}/api/v1/devices {authorized}"),
        ("the contract, for machines", f"curl {docs}/api/docs/openapi.json"),
    ):
        text.append(f"# {comment}\n", "dim").append(f"{command}\n")
    text.append(f"\nfor people: {docs}/api/docs   sign in as {demo['email']} with {demo['password']}\n")
    text.append(f"logs {made.state.logs}   everything else {made.state.stack}\n", "dim")
    text.append("make demo shows an integrator's first day; Ctrl-C stops the stack", "dim")
    return text
