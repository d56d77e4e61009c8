"""Every call of the control plane."""

from services.control_plane.agents import routes as agents
from services.control_plane.automations import operators
from services.control_plane.automations import routes as automations
from services.control_plane.marketplace import routes as marketplace
from services.control_plane.packages import routes as packages
from services.control_plane.releases import routes as releases
from shared.web.routing import Part

FOLDERS = (packages, releases, marketplace, automations, agents)
OPERATIONS = [operation for folder in FOLDERS for operation in folder.OPERATIONS]
IDS = {name: example for folder in FOLDERS for name, example in folder.IDS.items()}
PART = Part(
    "Control plane",
    "platform",
    "Signed integration packages: their versions and releases, the marketplace, automations and edge agents.",
    OPERATIONS,
    IDS,
)
STOPPED = Part(
    "Stopped automations",
    "stopped_automations",
    "For operators of the platform, as the calls of operations: automations that they stopped.",
    operators.OPERATIONS,
    {"automation_id": "auto_123"},
)
PARTS = [PART, STOPPED]
