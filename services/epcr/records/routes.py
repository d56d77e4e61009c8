"""Every call of the crew's own application. These are no part of the public contract."""

from services.epcr.records import endpoints
from services.epcr.records.models import RecordPatch, WholeRecord
from shared.web.routing import Operation

CLINICAL = "argus:epcr:clinical"
RECORD = "/api/v1/epcr/records/{encounter_id}"

OPERATIONS = [
    Operation(
        "GET",
        RECORD,
        endpoints.read_record,
        "Read the whole record",
        CLINICAL,
        {200: WholeRecord},
        has_etag=True,
    ),
    Operation(
        "PATCH",
        RECORD,
        endpoints.write_record,
        "Write on the record",
        CLINICAL,
        {200: WholeRecord},
        body=RecordPatch,
    ),
]
