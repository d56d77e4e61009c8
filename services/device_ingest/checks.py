"""The checks of one observation: a known code, measured by this class of device, in an allowed unit, at a possible time. Pure."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from services.device_ingest import nomenclature, units
from services.device_ingest.models import AbsentReason, Flag, ObservationDraft
from services.device_ingest.nomenclature import Metric
from shared.primitives import ids
from shared.web import problems
from shared.web.problems import FieldError

AHEAD = timedelta(minutes=5)
BEHIND = timedelta(days=7)

# The numbers that devices send for a missing value: the special values of the 11073 FLOAT and SFLOAT types (ISO/IEEE 11073-20601)
# read as integers, signed or not, and two that monitors use.
_SPECIALS: dict[AbsentReason, tuple[int, ...]] = {
    "not-a-number": (0x7FFFFF, 0x7FF),
    "positive-infinity": (0x7FFFFE, 0x7FE),
    "negative-infinity": (0x800002, 0x800002 - (1 << 24), 0x802, 0x802 - (1 << 12)),
    "error": (0x800000, 0x800000 - (1 << 24), 0x800001, 0x800001 - (1 << 24), 0x800, -0x800, 0x801, 0x801 - (1 << 12)),
    "unknown": (-999, -100),
}
SENTINELS = {Decimal(number): reason for reason, numbers in _SPECIALS.items() for number in numbers}


class Checked(NamedTuple):
    """An observation that passed the checks. It has either `value` or `data_absent_reason`."""

    metric: Metric
    device_class: str
    value: Decimal | None
    unit_code: str | None
    data_absent_reason: AbsentReason | None
    observed_at: datetime
    encounter_id: str | None
    flags: list[Flag]
    test: bool


def check(draft: ObservationDraft, device_class: str, now: datetime) -> Checked:
    """Flags an implausible value `out-of-range`. Raises a 422 Problem with all errors."""
    errors: list[FieldError] = []
    if draft.observed_at is not None and draft.observed_at > now + AHEAD:
        errors.append(FieldError("/observed_at", "is more than 5 minutes ahead; check the device's clock"))
    elif draft.observed_at is not None and draft.observed_at < now - BEHIND:
        errors.append(FieldError("/observed_at", "is more than 7 days old"))
    if draft.encounter_id is not None and not ids.is_id(draft.encounter_id, "enc"):
        errors.append(FieldError("/encounter_id", "is not an encounter's id"))
    if draft.value is None and draft.data_absent_reason is None:
        errors.append(FieldError("/value", "is required, unless data_absent_reason says why there is none"))
    elif draft.value is not None and draft.data_absent_reason is not None:
        errors.append(FieldError("/data_absent_reason", "replaces a value; send one of the two"))
    metric = _metric(draft, device_class, errors)
    limits = metric.units.get(draft.unit_code or "") if metric is not None else None
    value = draft.value
    is_implausible = value is not None and limits is not None and not limits.holds(value)
    # An implausible special value of the device's number format is refused. A plausible one is an ordinary value.
    if value is not None and is_implausible and value in SENTINELS:
        hint = f'send data_absent_reason instead, such as "{SENTINELS[value]}"'
        errors.append(FieldError("/value", f"{value} is a device's number for a missing value; {hint}"))
    if errors or metric is None:
        reasons = "; ".join(f"{error.pointer[1:]} {error.detail}" for error in errors)
        raise problems.invalid(f"The observation cannot be recorded: {reasons}.", errors)
    return Checked(
        metric=metric,
        device_class=device_class,
        value=value,
        unit_code=draft.unit_code,
        data_absent_reason=draft.data_absent_reason,
        observed_at=draft.observed_at or now,
        encounter_id=draft.encounter_id,
        flags=["out-of-range"] if is_implausible else [],
        test=draft.test,
    )


def _metric(draft: ObservationDraft, device_class: str, errors: list[FieldError]) -> Metric | None:
    """The metric of the code. Adds the errors of code, class and unit to `errors`."""
    try:
        metric = nomenclature.find(draft.mdc_code)
    except nomenclature.UnknownCode as error:
        errors.append(FieldError("/mdc_code", str(error)))
        return None
    if metric.accept in nomenclature.NOT_ACCEPTED:
        errors.append(FieldError("/mdc_code", f"{metric.refid} {nomenclature.NOT_ACCEPTED[metric.accept]}"))
    elif device_class not in metric.device_classes:
        classes = ", ".join(sorted(metric.device_classes))
        errors.append(FieldError("/mdc_code", f"{metric.refid} is measured by {classes}, not by {device_class}"))
    if draft.unit_code is not None and draft.unit_code not in metric.units:
        allowed = list(metric.units)
        meant = units.meaning(draft.unit_code, allowed)
        errors.append(
            FieldError(
                "/unit_code", units.refusal(draft.unit_code, allowed), "enum", allowed=allowed, did_you_mean=meant
            )
        )
    elif draft.unit_code is None and draft.data_absent_reason is None:
        reason = f"is required; {metric.refid} allows {', '.join(metric.units)}"
        errors.append(FieldError("/unit_code", reason, "required", allowed=list(metric.units)))
    return metric
