"""The catalogue of events accepts every event that producers send."""

import msgspec

from services.device_ingest.models import Enrolment
from shared.messaging.event_types import catalogue


def test_the_device_of_an_example_has_a_class_that_enrolment_accepts() -> None:
    shown = catalogue()["device.enrolled"].example
    msgspec.convert({"serial_number": "SN-1", "device_class": shown["device_class"]}, Enrolment)
