"""The pages of the area `operations`."""

from services.console.operations import vehicles, views
from services.console.pages.registry import Area, Page

AREA = Area("operations", 50)
DEVICES, RECORDS = "argus:devices:read", "argus:epcr:read"
INCIDENTS, TELEPHONY = "argus:incidents:read", "argus:telephony:read"
PAGES = [
    Page(
        "operations",
        "/operations",
        views.operations,
        in_navigation=True,
        shown_to=(DEVICES, RECORDS, INCIDENTS, TELEPHONY),
    ),
    Page("devices", "/operations/devices", views.devices, DEVICES),
    Page(
        "device",
        "/operations/devices/{device_id}",
        views.device,
        DEVICES,
        examples={"device_id": "dev_01m88d0r19fjx8kh51pg6tdnvk"},
    ),
    Page("vehicles", "/operations/vehicles", vehicles.vehicles, DEVICES),
    Page("vehicle", "/operations/vehicles/{vehicle}", vehicles.vehicle, DEVICES, examples={"vehicle": "AMB-42"}),
    Page("encounters", "/operations/encounters", views.encounters, RECORDS),
    Page(
        "encounter",
        "/operations/encounters/{encounter_id}",
        views.encounter,
        RECORDS,
        examples={"encounter_id": "enc_01m88d0qxrfeab348dr2e8tvkd"},
    ),
    Page("incidents", "/operations/incidents", views.incidents, INCIDENTS),
    Page(
        "incident",
        "/operations/incidents/{incident_id}",
        views.incident,
        INCIDENTS,
        examples={"incident_id": "inc_01m88d0r6yfsvb6bv9qk0a8j4t"},
    ),
    Page("telephony", "/operations/telephony", views.telephony, TELEPHONY),
]
