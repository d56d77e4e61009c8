"""The few factors are held against a full UCUM implementation, which the service itself does without."""

from decimal import Decimal

import pytest
from ucumvert import PintUcumRegistry

from services.device_ingest import nomenclature
from services.device_ingest.units import CONVERSIONS

# Glucose and HbA1c change from mass to amount, the fraction of a gas to its pressure at 760 mm[Hg]: chemistry, not units.
CHEMISTRY = {("mg/dL", "mmol/L"), ("%", "mmol/mol"), ("%", "mm[Hg]"), ("%", "kPa")}


@pytest.fixture(scope="module")
def ucum() -> PintUcumRegistry:
    return PintUcumRegistry()


@pytest.mark.parametrize("pair", sorted(set(CONVERSIONS) - CHEMISTRY), ids="->".join)
def test_each_conversion_agrees_with_ucum(ucum: PintUcumRegistry, pair: tuple[str, str]) -> None:
    here, there = pair
    converted = ucum.Quantity(40.0, ucum.from_ucum(here)).to(ucum.from_ucum(there)).magnitude
    factor, offset = CONVERSIONS[pair]
    assert float(40 * factor + offset) == pytest.approx(converted, rel=1e-9)


@pytest.mark.parametrize("unit", sorted({unit for metric in nomenclature.metrics() for unit in metric.units}))
def test_every_unit_of_the_table_is_ucum(ucum: PintUcumRegistry, unit: str) -> None:
    assert ucum.from_ucum(unit) is not None


def test_glucose_is_converted_by_its_molar_mass() -> None:
    assert round(90 * CONVERSIONS["mg/dL", "mmol/L"].factor, 3) == Decimal("4.996")


def test_haemoglobin_follows_the_master_equation() -> None:
    factor, offset = CONVERSIONS["%", "mmol/mol"]
    assert round(7 * factor + offset) == 53
