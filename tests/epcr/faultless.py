"""Bundles of tests have no fault: a service sends a bundle also with one, so that only a test keeps it from a hospital."""

import json
from decimal import Decimal
from typing import Any

from services.epcr.fhir.encode import faults_of
from services.epcr.handover.document import document
from services.epcr.handover.source import Pdf, Source
from services.epcr.handover.transaction import Before, transaction


def fit(bundle: dict[str, Any]) -> dict[str, Any]:
    """The transaction, after a check that nothing is wrong with it."""
    assert faults_of(bundle) == []
    return bundle


def document_of(source: Source, pdf: Pdf) -> dict[str, Any]:
    """The handover's document, with exact decimals, after a check that nothing is wrong with it."""
    made = document(source, pdf)
    assert made.faults == []
    return json.loads(made.body, parse_float=Decimal)


def transaction_of(source: Source, pdf: Pdf, before: Before | None = None) -> dict[str, Any]:
    """As `document_of`, the transaction."""
    made = transaction(source, pdf, before or Before())
    assert made.faults == []
    return json.loads(made.body, parse_float=Decimal)
