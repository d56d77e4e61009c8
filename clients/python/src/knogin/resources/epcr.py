"""Generated from the contract by `make clients`; do not edit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias, overload

from .. import models
from .._model import OneOf
from .._paging import AsyncPages, Pages
from .._transport import Call, Caller, Operation

if TYPE_CHECKING:
    GetEncounterAnswer: TypeAlias = models.epcr.EncounterView | dict[str, Any]
else:

    class GetEncounterAnswer(OneOf):
        field = ""
        members = {"0": models.epcr.EncounterView}


_LIST_ENCOUNTERS = Operation("listEncounters", "GET", "/api/v1/epcr/encounters", {200: models.epcr.EncounterList})
_CREATE_ENCOUNTER = Operation(
    "createEncounter", "POST", "/api/v1/epcr/encounters", {201: models.epcr.EncounterView}, body="json", keyed=True
)
_GET_ENCOUNTER = Operation("getEncounter", "GET", "/api/v1/epcr/encounters/{}", {200: GetEncounterAnswer})
_GET_FHIR_BUNDLE = Operation("getFhirBundle", "GET", "/api/v1/epcr/encounters/{}/fhir-bundle", {200: dict[str, Any]})


class Epcr:
    """Electronic patient care records: made by dispatch systems, read de-identified, exported as FHIR R4."""

    def __init__(self, client: Caller) -> None:
        self._client = client

    def list_encounters(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        cad_incident_id: str | None = None,
        status: Literal["cancelled", "completed", "handed_over", "in_progress"] | None = None,
        timeout: float | None = None,
    ) -> Pages[models.epcr.EncounterSummary]:
        """List ePCR encounters.

        By the dispatch system's incident, by status.

        Scope: `argus:epcr:read`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `cad_incident_id`: Only encounters of this incident.
        `status`: Only encounters in this state.
        """
        return self._client._pages(
            Call(
                _LIST_ENCOUNTERS,
                query={"limit": limit, "cursor": cursor, "cad_incident_id": cad_incident_id, "status": status},
                timeout=timeout,
                page="encounters",
            )
        )

    def create_encounter(
        self, body: models.epcr.EncounterDraft, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> models.epcr.EncounterView:
        """Create an ePCR encounter.

        From an external CAD-to-ePCR integration. The first four fields are enough; the whole record may be sent.
        What names the patient is kept encrypted and never shown again, to you or to anyone else. An app that is
        shown moved times cannot.

        Scope: `argus:epcr:write`.

        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return self._client._call(
            Call(_CREATE_ENCOUNTER, headers={"Idempotency-Key": idempotency_key}, body=body, timeout=timeout)
        )

    @overload
    def get_encounter(
        self,
        encounter_id: str,
        *,
        format: Literal["fhir", "json"] | None = None,
        max_entries: int | None = None,
        readings: Literal["all", "none", "summary"] | None = None,
        if_none_match: None = None,
        timeout: float | None = None,
    ) -> GetEncounterAnswer: ...

    @overload
    def get_encounter(
        self,
        encounter_id: str,
        *,
        format: Literal["fhir", "json"] | None = None,
        max_entries: int | None = None,
        readings: Literal["all", "none", "summary"] | None = None,
        if_none_match: str,
        timeout: float | None = None,
    ) -> GetEncounterAnswer | None: ...

    def get_encounter(
        self,
        encounter_id: str,
        *,
        format: Literal["fhir", "json"] | None = None,
        max_entries: int | None = None,
        readings: Literal["all", "none", "summary"] | None = None,
        if_none_match: str | None = None,
        timeout: float | None = None,
    ) -> GetEncounterAnswer | None:
        """Fetch an ePCR encounter.

        The de-identified record, or with `format=fhir` or `Accept: application/fhir+json` the same bundle as
        `fhir-bundle`.

        Scope: `argus:epcr:read`.

        None means that nothing has changed since `if_none_match`.

        `encounter_id`: The encounter that it belongs to.
        `format`: `fhir` asks for the FHIR bundle.
        `max_entries`: The most entries of one transaction; the answer is then several.
        `readings`: How readings of devices are sent: each as an Observation, each series as one Observation with
        SampledData of at most 1000 samples, or not at all. Default all.
        `if_none_match`: The ETag of an earlier answer. If it is still current, the answer is 304.
        """
        return self._client._call(
            Call(
                _GET_ENCOUNTER,
                path=(encounter_id,),
                query={"format": format, "max_entries": max_entries, "readings": readings},
                headers={"If-None-Match": if_none_match},
                timeout=timeout,
            )
        )

    @overload
    def get_fhir_bundle(
        self,
        encounter_id: str,
        *,
        max_entries: int | None = None,
        readings: Literal["all", "none", "summary"] | None = None,
        if_none_match: None = None,
        timeout: float | None = None,
    ) -> dict[str, Any]: ...

    @overload
    def get_fhir_bundle(
        self,
        encounter_id: str,
        *,
        max_entries: int | None = None,
        readings: Literal["all", "none", "summary"] | None = None,
        if_none_match: str,
        timeout: float | None = None,
    ) -> dict[str, Any] | None: ...

    def get_fhir_bundle(
        self,
        encounter_id: str,
        *,
        max_entries: int | None = None,
        readings: Literal["all", "none", "summary"] | None = None,
        if_none_match: str | None = None,
        timeout: float | None = None,
    ) -> dict[str, Any] | None:
        """Export an encounter as a FHIR R4 Bundle.

        A transaction that a FHIR R4 server may execute again and again, and later with what has changed: entries
        are conditional on their identifiers. It never changes a Patient that is there; sex, year of birth and
        country are an Observation. After a correction of who the patient is it also marks the resources that you
        fetched under the former identity as entered in error. An encounter of any length is streamed;
        `readings=summary` sends each series of a device's readings as one Observation. `max_entries` cuts it into
        several, each whole in itself, for servers that take only so many.

        Scope: `argus:epcr:read`.

        None means that nothing has changed since `if_none_match`.

        `encounter_id`: The encounter that it belongs to.
        `max_entries`: The most entries of one transaction; the answer is then several.
        `readings`: How readings of devices are sent: each as an Observation, each series as one Observation with
        SampledData of at most 1000 samples, or not at all. Default all.
        `if_none_match`: The ETag of an earlier answer. If it is still current, the answer is 304.
        """
        return self._client._call(
            Call(
                _GET_FHIR_BUNDLE,
                path=(encounter_id,),
                query={"max_entries": max_entries, "readings": readings},
                headers={"If-None-Match": if_none_match},
                timeout=timeout,
            )
        )


class AsyncEpcr:
    """Electronic patient care records: made by dispatch systems, read de-identified, exported as FHIR R4."""

    def __init__(self, client: Caller) -> None:
        self._client = client

    def list_encounters(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        cad_incident_id: str | None = None,
        status: Literal["cancelled", "completed", "handed_over", "in_progress"] | None = None,
        timeout: float | None = None,
    ) -> AsyncPages[models.epcr.EncounterSummary]:
        """List ePCR encounters.

        By the dispatch system's incident, by status.

        Scope: `argus:epcr:read`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `cad_incident_id`: Only encounters of this incident.
        `status`: Only encounters in this state.
        """
        return self._client._pages(
            Call(
                _LIST_ENCOUNTERS,
                query={"limit": limit, "cursor": cursor, "cad_incident_id": cad_incident_id, "status": status},
                timeout=timeout,
                page="encounters",
            )
        )

    async def create_encounter(
        self, body: models.epcr.EncounterDraft, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> models.epcr.EncounterView:
        """Create an ePCR encounter.

        From an external CAD-to-ePCR integration. The first four fields are enough; the whole record may be sent.
        What names the patient is kept encrypted and never shown again, to you or to anyone else. An app that is
        shown moved times cannot.

        Scope: `argus:epcr:write`.

        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return await self._client._call(
            Call(_CREATE_ENCOUNTER, headers={"Idempotency-Key": idempotency_key}, body=body, timeout=timeout)
        )

    @overload
    async def get_encounter(
        self,
        encounter_id: str,
        *,
        format: Literal["fhir", "json"] | None = None,
        max_entries: int | None = None,
        readings: Literal["all", "none", "summary"] | None = None,
        if_none_match: None = None,
        timeout: float | None = None,
    ) -> GetEncounterAnswer: ...

    @overload
    async def get_encounter(
        self,
        encounter_id: str,
        *,
        format: Literal["fhir", "json"] | None = None,
        max_entries: int | None = None,
        readings: Literal["all", "none", "summary"] | None = None,
        if_none_match: str,
        timeout: float | None = None,
    ) -> GetEncounterAnswer | None: ...

    async def get_encounter(
        self,
        encounter_id: str,
        *,
        format: Literal["fhir", "json"] | None = None,
        max_entries: int | None = None,
        readings: Literal["all", "none", "summary"] | None = None,
        if_none_match: str | None = None,
        timeout: float | None = None,
    ) -> GetEncounterAnswer | None:
        """Fetch an ePCR encounter.

        The de-identified record, or with `format=fhir` or `Accept: application/fhir+json` the same bundle as
        `fhir-bundle`.

        Scope: `argus:epcr:read`.

        None means that nothing has changed since `if_none_match`.

        `encounter_id`: The encounter that it belongs to.
        `format`: `fhir` asks for the FHIR bundle.
        `max_entries`: The most entries of one transaction; the answer is then several.
        `readings`: How readings of devices are sent: each as an Observation, each series as one Observation with
        SampledData of at most 1000 samples, or not at all. Default all.
        `if_none_match`: The ETag of an earlier answer. If it is still current, the answer is 304.
        """
        return await self._client._call(
            Call(
                _GET_ENCOUNTER,
                path=(encounter_id,),
                query={"format": format, "max_entries": max_entries, "readings": readings},
                headers={"If-None-Match": if_none_match},
                timeout=timeout,
            )
        )

    @overload
    async def get_fhir_bundle(
        self,
        encounter_id: str,
        *,
        max_entries: int | None = None,
        readings: Literal["all", "none", "summary"] | None = None,
        if_none_match: None = None,
        timeout: float | None = None,
    ) -> dict[str, Any]: ...

    @overload
    async def get_fhir_bundle(
        self,
        encounter_id: str,
        *,
        max_entries: int | None = None,
        readings: Literal["all", "none", "summary"] | None = None,
        if_none_match: str,
        timeout: float | None = None,
    ) -> dict[str, Any] | None: ...

    async def get_fhir_bundle(
        self,
        encounter_id: str,
        *,
        max_entries: int | None = None,
        readings: Literal["all", "none", "summary"] | None = None,
        if_none_match: str | None = None,
        timeout: float | None = None,
    ) -> dict[str, Any] | None:
        """Export an encounter as a FHIR R4 Bundle.

        A transaction that a FHIR R4 server may execute again and again, and later with what has changed: entries
        are conditional on their identifiers. It never changes a Patient that is there; sex, year of birth and
        country are an Observation. After a correction of who the patient is it also marks the resources that you
        fetched under the former identity as entered in error. An encounter of any length is streamed;
        `readings=summary` sends each series of a device's readings as one Observation. `max_entries` cuts it into
        several, each whole in itself, for servers that take only so many.

        Scope: `argus:epcr:read`.

        None means that nothing has changed since `if_none_match`.

        `encounter_id`: The encounter that it belongs to.
        `max_entries`: The most entries of one transaction; the answer is then several.
        `readings`: How readings of devices are sent: each as an Observation, each series as one Observation with
        SampledData of at most 1000 samples, or not at all. Default all.
        `if_none_match`: The ETag of an earlier answer. If it is still current, the answer is 304.
        """
        return await self._client._call(
            Call(
                _GET_FHIR_BUNDLE,
                path=(encounter_id,),
                query={"max_entries": max_entries, "readings": readings},
                headers={"If-None-Match": if_none_match},
                timeout=timeout,
            )
        )
