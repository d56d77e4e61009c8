"""What the public contract says of this service."""

from services.control_plane.agents import documented as agents
from services.control_plane.automations import documented as automations
from shared.openapi import Part

OPERATIONS = [*automations.OPERATIONS, *agents.OPERATIONS]
IDS = automations.IDS | agents.IDS
PART = Part("Control plane", "platform", "https://api.knogin.com", OPERATIONS, IDS)
