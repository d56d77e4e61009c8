from datetime import UTC, datetime, timedelta

from knogin import Knogin, models

with Knogin(base_url="https://api.knogin.com") as client:
    device = client.devices.enrol_device(
        models.devices.Enrolment(
            serial_number="MON-0815",
            device_class="multiparameter",
            vehicle_id="AMB-42",
        )
    )
    now = datetime.now(UTC)
    readings = [
        models.devices.ObservationDraft(
            mdc_code="MDC_PULS_OXIM_SAT_O2",
            value=value,
            unit_code="%",
            observed_at=now - timedelta(seconds=5 * number),
        )
        for number, value in enumerate([97, 96, 96])
    ]
    answer = client.devices.record_observations(
        device.id, models.devices.ObservationBatch(observations=readings)
    )
    for reading, result in zip(readings, answer.results, strict=True):
        if result.status != 201:
            print("refused:", reading.mdc_code, result.error)
    newest = next(iter(client.devices.list_observations(device.id, limit=1)))
    print(newest.value, newest.unit_code)
