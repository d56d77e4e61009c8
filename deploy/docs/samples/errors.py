import knogin
from knogin import Knogin, models, problems

with Knogin(base_url="https://api.knogin.com") as client:
    try:
        client.devices.enrol_device(
            models.devices.Enrolment(serial_number="", device_class="oximeter")
        )
    except problems.InvalidRequest as error:
        for fault in error.errors:
            print(fault.pointer, fault.code, fault.allowed)
        print("for support:", error.trace_id)
    except problems.TooManyRequests as error:
        print("again in", error.retry_after, "seconds")
    except knogin.APIError as error:
        print(error.status, error.type, error.trace_id)
    except knogin.ConnectionFailed:
        print("no answer came after all attempts")
