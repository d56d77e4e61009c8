"""What the public contract says of this service."""

from services.control_plane.agents import documented as agents
from services.control_plane.automations import documented as automations
from services.control_plane.marketplace import documented as marketplace
from services.control_plane.packages import documented as packages
from services.control_plane.releases import documented as releases
from shared.openapi import Part

FOLDERS = (packages, releases, marketplace, automations, agents)
OPERATIONS = [operation for folder in FOLDERS for operation in folder.OPERATIONS]
IDS = {name: example for folder in FOLDERS for name, example in folder.IDS.items()}
PART = Part("Control plane", "platform", "https://api.knogin.com", OPERATIONS, IDS)
