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
_GET_SENDER = Operation("getSender", "GET", "/api/v1/epcr/sender", {200: models.epcr.Sender})
_SET_SENDER = Operation("setSender", "PUT", "/api/v1/epcr/sender", {200: models.epcr.Sender}, body="json")
_LIST_DESTINATIONS = Operation("listDestinations", "GET", "/api/v1/epcr/destinations", {200: models.epcr.Destinations})
_CREATE_DESTINATION = Operation(
    "createDestination", "POST", "/api/v1/epcr/destinations", {201: models.epcr.Destination}, body="json", keyed=True
)
_GET_DESTINATION = Operation("getDestination", "GET", "/api/v1/epcr/destinations/{}", {200: models.epcr.Destination})
_UPDATE_DESTINATION = Operation(
    "updateDestination", "PATCH", "/api/v1/epcr/destinations/{}", {200: models.epcr.Destination}, body="json"
)
_DELETE_DESTINATION = Operation("deleteDestination", "DELETE", "/api/v1/epcr/destinations/{}", {204: None})
_GET_ENCOUNTER_DESTINATION = Operation(
    "getEncounterDestination", "GET", "/api/v1/epcr/encounters/{}/destination", {200: models.epcr.EncounterDestination}
)
_SET_ENCOUNTER_DESTINATION = Operation(
    "setEncounterDestination",
    "PUT",
    "/api/v1/epcr/encounters/{}/destination",
    {200: models.epcr.EncounterDestination},
    body="json",
)
_END_ENCOUNTER_DESTINATION = Operation(
    "endEncounterDestination", "DELETE", "/api/v1/epcr/encounters/{}/destination", {204: None}
)
_LIST_ARRIVALS = Operation("listArrivals", "GET", "/api/v1/epcr/arrivals", {200: models.epcr.Arrivals})
_GET_HANDOVER = Operation("getHandover", "GET", "/api/v1/epcr/encounters/{}/handover", {200: dict[str, Any] | bytes})
_OPEN_EMERGENCY = Operation(
    "openEmergency",
    "POST",
    "/api/v1/epcr/encounters/{}/handover/emergency",
    {201: models.epcr.Emergency},
    body="json",
    keyed=True,
)
_LIST_EMERGENCIES = Operation("listEmergencies", "GET", "/api/v1/epcr/emergencies", {200: models.epcr.EmergencyReviews})
_LIST_DISCLOSURES = Operation(
    "listDisclosures", "GET", "/api/v1/epcr/encounters/{}/disclosures", {200: models.epcr.Disclosures}
)
_GET_OUTCOME = Operation("getOutcome", "GET", "/api/v1/epcr/encounters/{}/outcome", {200: models.epcr.Outcome})
_RECORD_OUTCOME = Operation(
    "recordOutcome", "POST", "/api/v1/epcr/encounters/{}/outcome", {201: models.epcr.Outcome}, body="json"
)
_RECORD_OUTCOME_BUNDLE = Operation(
    "recordOutcomeBundle", "POST", "/api/v1/epcr/encounters/{}/outcome-bundle", {201: models.epcr.Outcome}, body="json"
)


class Epcr:
    """Electronic patient care records: made by dispatch systems, read de-identified, exported as FHIR R4. A
    destination reads who the patient is, and reports the outcome.
    """

    def __init__(self, client: Caller) -> None:
        self._client = client

    def list_encounters(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        cad_incident_id: str | None = None,
        vehicle_id: str | None = None,
        status: Literal["cancelled", "completed", "handed_over", "in_progress"] | None = None,
        timeout: float | None = None,
    ) -> Pages[models.epcr.EncounterSummary]:
        """List ePCR encounters.

        By the dispatch system's incident, by status.

        Scope: `argus:epcr:read`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `cad_incident_id`: Only encounters of this incident.
        `vehicle_id`: Only encounters of this vehicle.
        `status`: Only encounters in this state.
        """
        return self._client._pages(
            Call(
                _LIST_ENCOUNTERS,
                query={
                    "limit": limit,
                    "cursor": cursor,
                    "cad_incident_id": cad_incident_id,
                    "vehicle_id": vehicle_id,
                    "status": status,
                },
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
        language: Literal["en", "it"] | None = None,
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
        language: Literal["en", "it"] | None = None,
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
        language: Literal["en", "it"] | None = None,
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
        `language`: The language of the text for people in the Composition. Default en.
        `if_none_match`: The ETag of an earlier answer. If it is still current, the answer is 304.
        """
        return self._client._call(
            Call(
                _GET_ENCOUNTER,
                path=(encounter_id,),
                query={"format": format, "max_entries": max_entries, "readings": readings, "language": language},
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
        language: Literal["en", "it"] | None = None,
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
        language: Literal["en", "it"] | None = None,
        if_none_match: str,
        timeout: float | None = None,
    ) -> dict[str, Any] | None: ...

    def get_fhir_bundle(
        self,
        encounter_id: str,
        *,
        max_entries: int | None = None,
        readings: Literal["all", "none", "summary"] | None = None,
        language: Literal["en", "it"] | None = None,
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
        `language`: The language of the text for people in the Composition. Default en.
        `if_none_match`: The ETag of an earlier answer. If it is still current, the answer is 304.
        """
        return self._client._call(
            Call(
                _GET_FHIR_BUNDLE,
                path=(encounter_id,),
                query={"max_entries": max_entries, "readings": readings, "language": language},
                headers={"If-None-Match": if_none_match},
                timeout=timeout,
            )
        )

    def get_sender(self, *, timeout: float | None = None) -> models.epcr.Sender:
        """Read how documents name your service.

        The name, official code and telephone number that handovers show as author and custodian, and the time zone
        of their texts.

        Scope: `argus:epcr:read`.
        """
        return self._client._call(Call(_GET_SENDER, timeout=timeout))

    def set_sender(self, body: models.epcr.Sender, *, timeout: float | None = None) -> models.epcr.Sender:
        """Set how documents name your service.

        Handovers name it as author and custodian.

        Scope: `platform:apps`.
        """
        return self._client._call(Call(_SET_SENDER, body=body, timeout=timeout))

    def list_destinations(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        code: str | None = None,
        active: bool | None = None,
        timeout: float | None = None,
    ) -> Pages[models.epcr.Destination]:
        """List destinations.

        The destinations of your organisation, newest first; `code` and `active` narrow them.

        Scope: `argus:epcr:read`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `code`: The official code of the place.
        `active`: `true`: only active destinations; `false`: only others.
        """
        return self._client._pages(
            Call(
                _LIST_DESTINATIONS,
                query={"limit": limit, "cursor": cursor, "code": code, "active": active},
                timeout=timeout,
                page="destinations",
            )
        )

    def create_destination(
        self, body: models.epcr.DestinationDraft, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> models.epcr.Destination:
        """Create a destination.

        A hospital, its official code, its app and the legal basis. That app reads who the patient is, of encounters
        that are bound for the destination alone: from the moment the encounter names it until some days after the
        encounter ended.

        Scope: `platform:apps`.

        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return self._client._call(
            Call(_CREATE_DESTINATION, headers={"Idempotency-Key": idempotency_key}, body=body, timeout=timeout)
        )

    def get_destination(self, destination_id: str, *, timeout: float | None = None) -> models.epcr.Destination:
        """Inspect a destination.

        A destination with its app and the legal basis of its reading.

        Scope: `argus:epcr:read`.

        `destination_id`: The destination's id, such as `dst_01jdk…`.
        """
        return self._client._call(Call(_GET_DESTINATION, path=(destination_id,), timeout=timeout))

    def update_destination(
        self, destination_id: str, body: models.epcr.DestinationChange, *, timeout: float | None = None
    ) -> models.epcr.Destination:
        """Change a destination.

        Changes the given fields, at once: another app or `active: false` ends the reading of the former app.

        Scope: `platform:apps`.

        `destination_id`: The destination's id, such as `dst_01jdk…`.
        """
        return self._client._call(Call(_UPDATE_DESTINATION, path=(destination_id,), body=body, timeout=timeout))

    def delete_destination(self, destination_id: str, *, timeout: float | None = None) -> None:
        """Delete a destination.

        Deletes a destination that no encounter had. For one that encounters had, `active: false` ends all reading.

        Scope: `platform:apps`.

        `destination_id`: The destination's id, such as `dst_01jdk…`.
        """
        return self._client._call(Call(_DELETE_DESTINATION, path=(destination_id,), timeout=timeout))

    def get_encounter_destination(
        self, encounter_id: str, *, timeout: float | None = None
    ) -> models.epcr.EncounterDestination:
        """Read the destination of an encounter.

        The place that the encounter is bound for, and until when its app may read the handover.

        Scope: `argus:epcr:write`.

        `encounter_id`: The encounter that it belongs to.
        """
        return self._client._call(Call(_GET_ENCOUNTER_DESTINATION, path=(encounter_id,), timeout=timeout))

    def set_encounter_destination(
        self, encounter_id: str, body: models.epcr.DestinationNamed, *, timeout: float | None = None
    ) -> models.epcr.EncounterDestination:
        """Bind an encounter for a destination.

        From now on the app of the destination may read who the patient is, so send it with the pre-alert. Another
        destination ends the reading of the former one at once. Both apps get `epcr.destination.changed`. Naming a
        destination again begins no new days: where they are over, an administrator opens reading again with
        `reopening`, the reason of which is in the audit trail.

        Scope: `argus:epcr:write`.

        `encounter_id`: The encounter that it belongs to.
        """
        return self._client._call(Call(_SET_ENCOUNTER_DESTINATION, path=(encounter_id,), body=body, timeout=timeout))

    def end_encounter_destination(self, encounter_id: str, *, timeout: float | None = None) -> None:
        """End the destination of an encounter.

        Ends the reading of its app at once.

        Scope: `argus:epcr:write`.

        `encounter_id`: The encounter that it belongs to.
        """
        return self._client._call(Call(_END_ENCOUNTER_DESTINATION, path=(encounter_id,), timeout=timeout))

    def list_arrivals(
        self, *, limit: int | None = None, cursor: str | None = None, timeout: float | None = None
    ) -> Pages[models.epcr.Arrival]:
        """List the encounters bound for your destinations.

        Those whose handover your app may read now, newest first.

        Scope: `argus:epcr:handover`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        """
        return self._client._pages(
            Call(_LIST_ARRIVALS, query={"limit": limit, "cursor": cursor}, timeout=timeout, page="arrivals")
        )

    @overload
    def get_handover(
        self,
        encounter_id: str,
        *,
        format: Literal["document", "json", "transaction"] | None = None,
        language: Literal["en", "it"] | None = None,
        if_none_match: None = None,
        timeout: float | None = None,
    ) -> dict[str, Any]: ...

    @overload
    def get_handover(
        self,
        encounter_id: str,
        *,
        format: Literal["document", "json", "transaction"] | None = None,
        language: Literal["en", "it"] | None = None,
        if_none_match: str,
        timeout: float | None = None,
    ) -> dict[str, Any] | None: ...

    @overload
    def get_handover(
        self,
        encounter_id: str,
        *,
        format: Literal["pdf"],
        language: Literal["en", "it"] | None = None,
        if_none_match: None = None,
        timeout: float | None = None,
    ) -> bytes: ...

    @overload
    def get_handover(
        self,
        encounter_id: str,
        *,
        format: Literal["pdf"],
        language: Literal["en", "it"] | None = None,
        if_none_match: str,
        timeout: float | None = None,
    ) -> bytes | None: ...

    def get_handover(
        self,
        encounter_id: str,
        *,
        format: Literal["document", "json", "pdf", "transaction"] | None = None,
        language: Literal["en", "it"] | None = None,
        if_none_match: str | None = None,
        timeout: float | None = None,
    ) -> dict[str, Any] | bytes | None:
        """Read the handover of an encounter.

        The identified record, for the app of the encounter's destination alone: as JSON, as a FHIR document, as a
        FHIR transaction, or as a PDF whose hash is in both. A server may execute the transaction again and again.
        It never changes a Patient that is there: when the crew learns another name, number, sex or date of birth,
        the other resources move to a new Patient that replaces the former one. After a correction of who the
        patient is it also marks the resources that your destination took under the former identity as entered in
        error, and lists the Patients of it for your index. Of devices' readings the first, lowest, highest and last
        of each kind are shown. Each answer is recorded as a disclosure, which the patient may ask for. Other
        encounters of the incident are listed, with the care of the same patient where you may read that handover
        too.

        Scope: `argus:epcr:handover`.

        None means that nothing has changed since `if_none_match`.

        `encounter_id`: The encounter that it belongs to.
        `format`: `json` is the record; `document` and `transaction` are FHIR, `pdf` is a report for people.
        `language`: The language of the texts in the document, the transaction and the PDF.
        `if_none_match`: The ETag of an earlier answer. If it is still current, the answer is 304.
        """
        return self._client._call(
            Call(
                _GET_HANDOVER,
                path=(encounter_id,),
                query={"format": format, "language": language},
                headers={"If-None-Match": if_none_match},
                timeout=timeout,
            )
        )

    def open_emergency(
        self,
        encounter_id: str,
        body: models.epcr.EmergencyDraft,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> models.epcr.Emergency:
        """Open a handover in an emergency.

        For four hours, for an encounter that is bound for another destination or for none, if the organisation
        allows it to your destination. The organisation's administrator sees the reason, and subscribers to
        `epcr.emergency_access.opened` are notified.

        Scope: `argus:epcr:handover`.

        `encounter_id`: The encounter that it belongs to.
        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return self._client._call(
            Call(
                _OPEN_EMERGENCY,
                path=(encounter_id,),
                headers={"Idempotency-Key": idempotency_key},
                body=body,
                timeout=timeout,
            )
        )

    def list_emergencies(
        self, *, limit: int | None = None, cursor: str | None = None, timeout: float | None = None
    ) -> Pages[models.epcr.EmergencyReview]:
        """Review emergency access.

        Every emergency access of your organisation's apps with its explanation, newest first.

        Scope: `platform:apps`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        """
        return self._client._pages(
            Call(_LIST_EMERGENCIES, query={"limit": limit, "cursor": cursor}, timeout=timeout, page="emergencies")
        )

    def list_disclosures(
        self,
        encounter_id: str,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        of: Literal["encounter", "patient"] | None = None,
        timeout: float | None = None,
    ) -> Pages[models.epcr.Disclosure]:
        """List the disclosures of a patient's data.

        Every answer with identified data of the patient, of this and the patient's other encounters: to whom, for
        what, when, and which content.

        Scope: `platform:apps`.

        `encounter_id`: The encounter that it belongs to.
        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `of`: `encounter`: of this encounter alone; `patient`: of all encounters of the same patient.
        """
        return self._client._pages(
            Call(
                _LIST_DISCLOSURES,
                path=(encounter_id,),
                query={"limit": limit, "cursor": cursor, "of": of},
                timeout=timeout,
                page="disclosures",
            )
        )

    @overload
    def get_outcome(
        self, encounter_id: str, *, if_none_match: None = None, timeout: float | None = None
    ) -> models.epcr.Outcome: ...

    @overload
    def get_outcome(
        self, encounter_id: str, *, if_none_match: str, timeout: float | None = None
    ) -> models.epcr.Outcome | None: ...

    def get_outcome(
        self, encounter_id: str, *, if_none_match: str | None = None, timeout: float | None = None
    ) -> models.epcr.Outcome | None:
        """Read the outcome of an encounter.

        The report of the encounter's present destination about its present patient, for that destination's app
        alone: no other hospital reads it, and after a change of the patient no client does. Each answer is recorded
        as a disclosure.

        Scope: `argus:epcr:outcome`.

        None means that nothing has changed since `if_none_match`.

        `encounter_id`: The encounter that it belongs to.
        `if_none_match`: The ETag of an earlier answer. If it is still current, the answer is 304.
        """
        return self._client._call(
            Call(_GET_OUTCOME, path=(encounter_id,), headers={"If-None-Match": if_none_match}, timeout=timeout)
        )

    def record_outcome(
        self,
        encounter_id: str,
        body: models.epcr.OutcomeDraft,
        *,
        identity: int | None = None,
        if_match: str | None = None,
        timeout: float | None = None,
    ) -> models.epcr.Outcome:
        """Report the outcome of an encounter.

        Diagnosis, disposition, procedures, survival and neurological outcome, by the app of the encounter's
        destination alone, for two years after the encounter ended. Each report is the whole outcome as it is known
        then, and a new version; your first needs no `If-Match`, each later one the ETag of the version that it
        corrects. `identity` names the handover that it is about: after a correction of who the patient is, a report
        about the former patient, or one that names no handover, is refused. A field that is absent is not reported;
        `unknown` is an answer. The crew's entries stay as they are. Quality indicators follow, and
        `epcr.outcome.recorded` is sent.

        Scope: `argus:epcr:outcome`.

        `encounter_id`: The encounter that it belongs to.
        `identity`: The `identity` in the handover that you read: required where an earlier one was another
        patient's.
        `if_match`: The ETag of the version that the call replaces.
        """
        return self._client._call(
            Call(
                _RECORD_OUTCOME,
                path=(encounter_id,),
                query={"identity": identity},
                headers={"If-Match": if_match},
                body=body,
                timeout=timeout,
            )
        )

    def record_outcome_bundle(
        self,
        encounter_id: str,
        body: models.epcr.OutcomeBundle,
        *,
        identity: int | None = None,
        if_match: str | None = None,
        timeout: float | None = None,
    ) -> models.epcr.Outcome:
        """Report the outcome of an encounter as FHIR.

        The same as a FHIR R4 Bundle: Encounters of the emergency department and the stay, Conditions, Procedures,
        and Observations of survival and neurological outcome. `application/fhir+json` is accepted too. `identity`,
        or the identifier of the Encounter in a FHIR handover among those of an Encounter here, names the handover
        that it is about. A resource that an outcome cannot hold is refused; elements that it does not need are not
        read.

        Scope: `argus:epcr:outcome`.

        `encounter_id`: The encounter that it belongs to.
        `identity`: The `identity` in the handover that you read: required where an earlier one was another
        patient's.
        `if_match`: The ETag of the version that the call replaces.
        """
        return self._client._call(
            Call(
                _RECORD_OUTCOME_BUNDLE,
                path=(encounter_id,),
                query={"identity": identity},
                headers={"If-Match": if_match},
                body=body,
                timeout=timeout,
            )
        )


class AsyncEpcr:
    """Electronic patient care records: made by dispatch systems, read de-identified, exported as FHIR R4. A
    destination reads who the patient is, and reports the outcome.
    """

    def __init__(self, client: Caller) -> None:
        self._client = client

    def list_encounters(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        cad_incident_id: str | None = None,
        vehicle_id: str | None = None,
        status: Literal["cancelled", "completed", "handed_over", "in_progress"] | None = None,
        timeout: float | None = None,
    ) -> AsyncPages[models.epcr.EncounterSummary]:
        """List ePCR encounters.

        By the dispatch system's incident, by status.

        Scope: `argus:epcr:read`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `cad_incident_id`: Only encounters of this incident.
        `vehicle_id`: Only encounters of this vehicle.
        `status`: Only encounters in this state.
        """
        return self._client._pages(
            Call(
                _LIST_ENCOUNTERS,
                query={
                    "limit": limit,
                    "cursor": cursor,
                    "cad_incident_id": cad_incident_id,
                    "vehicle_id": vehicle_id,
                    "status": status,
                },
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
        language: Literal["en", "it"] | None = None,
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
        language: Literal["en", "it"] | None = None,
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
        language: Literal["en", "it"] | None = None,
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
        `language`: The language of the text for people in the Composition. Default en.
        `if_none_match`: The ETag of an earlier answer. If it is still current, the answer is 304.
        """
        return await self._client._call(
            Call(
                _GET_ENCOUNTER,
                path=(encounter_id,),
                query={"format": format, "max_entries": max_entries, "readings": readings, "language": language},
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
        language: Literal["en", "it"] | None = None,
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
        language: Literal["en", "it"] | None = None,
        if_none_match: str,
        timeout: float | None = None,
    ) -> dict[str, Any] | None: ...

    async def get_fhir_bundle(
        self,
        encounter_id: str,
        *,
        max_entries: int | None = None,
        readings: Literal["all", "none", "summary"] | None = None,
        language: Literal["en", "it"] | None = None,
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
        `language`: The language of the text for people in the Composition. Default en.
        `if_none_match`: The ETag of an earlier answer. If it is still current, the answer is 304.
        """
        return await self._client._call(
            Call(
                _GET_FHIR_BUNDLE,
                path=(encounter_id,),
                query={"max_entries": max_entries, "readings": readings, "language": language},
                headers={"If-None-Match": if_none_match},
                timeout=timeout,
            )
        )

    async def get_sender(self, *, timeout: float | None = None) -> models.epcr.Sender:
        """Read how documents name your service.

        The name, official code and telephone number that handovers show as author and custodian, and the time zone
        of their texts.

        Scope: `argus:epcr:read`.
        """
        return await self._client._call(Call(_GET_SENDER, timeout=timeout))

    async def set_sender(self, body: models.epcr.Sender, *, timeout: float | None = None) -> models.epcr.Sender:
        """Set how documents name your service.

        Handovers name it as author and custodian.

        Scope: `platform:apps`.
        """
        return await self._client._call(Call(_SET_SENDER, body=body, timeout=timeout))

    def list_destinations(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        code: str | None = None,
        active: bool | None = None,
        timeout: float | None = None,
    ) -> AsyncPages[models.epcr.Destination]:
        """List destinations.

        The destinations of your organisation, newest first; `code` and `active` narrow them.

        Scope: `argus:epcr:read`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `code`: The official code of the place.
        `active`: `true`: only active destinations; `false`: only others.
        """
        return self._client._pages(
            Call(
                _LIST_DESTINATIONS,
                query={"limit": limit, "cursor": cursor, "code": code, "active": active},
                timeout=timeout,
                page="destinations",
            )
        )

    async def create_destination(
        self, body: models.epcr.DestinationDraft, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> models.epcr.Destination:
        """Create a destination.

        A hospital, its official code, its app and the legal basis. That app reads who the patient is, of encounters
        that are bound for the destination alone: from the moment the encounter names it until some days after the
        encounter ended.

        Scope: `platform:apps`.

        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return await self._client._call(
            Call(_CREATE_DESTINATION, headers={"Idempotency-Key": idempotency_key}, body=body, timeout=timeout)
        )

    async def get_destination(self, destination_id: str, *, timeout: float | None = None) -> models.epcr.Destination:
        """Inspect a destination.

        A destination with its app and the legal basis of its reading.

        Scope: `argus:epcr:read`.

        `destination_id`: The destination's id, such as `dst_01jdk…`.
        """
        return await self._client._call(Call(_GET_DESTINATION, path=(destination_id,), timeout=timeout))

    async def update_destination(
        self, destination_id: str, body: models.epcr.DestinationChange, *, timeout: float | None = None
    ) -> models.epcr.Destination:
        """Change a destination.

        Changes the given fields, at once: another app or `active: false` ends the reading of the former app.

        Scope: `platform:apps`.

        `destination_id`: The destination's id, such as `dst_01jdk…`.
        """
        return await self._client._call(Call(_UPDATE_DESTINATION, path=(destination_id,), body=body, timeout=timeout))

    async def delete_destination(self, destination_id: str, *, timeout: float | None = None) -> None:
        """Delete a destination.

        Deletes a destination that no encounter had. For one that encounters had, `active: false` ends all reading.

        Scope: `platform:apps`.

        `destination_id`: The destination's id, such as `dst_01jdk…`.
        """
        return await self._client._call(Call(_DELETE_DESTINATION, path=(destination_id,), timeout=timeout))

    async def get_encounter_destination(
        self, encounter_id: str, *, timeout: float | None = None
    ) -> models.epcr.EncounterDestination:
        """Read the destination of an encounter.

        The place that the encounter is bound for, and until when its app may read the handover.

        Scope: `argus:epcr:write`.

        `encounter_id`: The encounter that it belongs to.
        """
        return await self._client._call(Call(_GET_ENCOUNTER_DESTINATION, path=(encounter_id,), timeout=timeout))

    async def set_encounter_destination(
        self, encounter_id: str, body: models.epcr.DestinationNamed, *, timeout: float | None = None
    ) -> models.epcr.EncounterDestination:
        """Bind an encounter for a destination.

        From now on the app of the destination may read who the patient is, so send it with the pre-alert. Another
        destination ends the reading of the former one at once. Both apps get `epcr.destination.changed`. Naming a
        destination again begins no new days: where they are over, an administrator opens reading again with
        `reopening`, the reason of which is in the audit trail.

        Scope: `argus:epcr:write`.

        `encounter_id`: The encounter that it belongs to.
        """
        return await self._client._call(
            Call(_SET_ENCOUNTER_DESTINATION, path=(encounter_id,), body=body, timeout=timeout)
        )

    async def end_encounter_destination(self, encounter_id: str, *, timeout: float | None = None) -> None:
        """End the destination of an encounter.

        Ends the reading of its app at once.

        Scope: `argus:epcr:write`.

        `encounter_id`: The encounter that it belongs to.
        """
        return await self._client._call(Call(_END_ENCOUNTER_DESTINATION, path=(encounter_id,), timeout=timeout))

    def list_arrivals(
        self, *, limit: int | None = None, cursor: str | None = None, timeout: float | None = None
    ) -> AsyncPages[models.epcr.Arrival]:
        """List the encounters bound for your destinations.

        Those whose handover your app may read now, newest first.

        Scope: `argus:epcr:handover`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        """
        return self._client._pages(
            Call(_LIST_ARRIVALS, query={"limit": limit, "cursor": cursor}, timeout=timeout, page="arrivals")
        )

    @overload
    async def get_handover(
        self,
        encounter_id: str,
        *,
        format: Literal["document", "json", "transaction"] | None = None,
        language: Literal["en", "it"] | None = None,
        if_none_match: None = None,
        timeout: float | None = None,
    ) -> dict[str, Any]: ...

    @overload
    async def get_handover(
        self,
        encounter_id: str,
        *,
        format: Literal["document", "json", "transaction"] | None = None,
        language: Literal["en", "it"] | None = None,
        if_none_match: str,
        timeout: float | None = None,
    ) -> dict[str, Any] | None: ...

    @overload
    async def get_handover(
        self,
        encounter_id: str,
        *,
        format: Literal["pdf"],
        language: Literal["en", "it"] | None = None,
        if_none_match: None = None,
        timeout: float | None = None,
    ) -> bytes: ...

    @overload
    async def get_handover(
        self,
        encounter_id: str,
        *,
        format: Literal["pdf"],
        language: Literal["en", "it"] | None = None,
        if_none_match: str,
        timeout: float | None = None,
    ) -> bytes | None: ...

    async def get_handover(
        self,
        encounter_id: str,
        *,
        format: Literal["document", "json", "pdf", "transaction"] | None = None,
        language: Literal["en", "it"] | None = None,
        if_none_match: str | None = None,
        timeout: float | None = None,
    ) -> dict[str, Any] | bytes | None:
        """Read the handover of an encounter.

        The identified record, for the app of the encounter's destination alone: as JSON, as a FHIR document, as a
        FHIR transaction, or as a PDF whose hash is in both. A server may execute the transaction again and again.
        It never changes a Patient that is there: when the crew learns another name, number, sex or date of birth,
        the other resources move to a new Patient that replaces the former one. After a correction of who the
        patient is it also marks the resources that your destination took under the former identity as entered in
        error, and lists the Patients of it for your index. Of devices' readings the first, lowest, highest and last
        of each kind are shown. Each answer is recorded as a disclosure, which the patient may ask for. Other
        encounters of the incident are listed, with the care of the same patient where you may read that handover
        too.

        Scope: `argus:epcr:handover`.

        None means that nothing has changed since `if_none_match`.

        `encounter_id`: The encounter that it belongs to.
        `format`: `json` is the record; `document` and `transaction` are FHIR, `pdf` is a report for people.
        `language`: The language of the texts in the document, the transaction and the PDF.
        `if_none_match`: The ETag of an earlier answer. If it is still current, the answer is 304.
        """
        return await self._client._call(
            Call(
                _GET_HANDOVER,
                path=(encounter_id,),
                query={"format": format, "language": language},
                headers={"If-None-Match": if_none_match},
                timeout=timeout,
            )
        )

    async def open_emergency(
        self,
        encounter_id: str,
        body: models.epcr.EmergencyDraft,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> models.epcr.Emergency:
        """Open a handover in an emergency.

        For four hours, for an encounter that is bound for another destination or for none, if the organisation
        allows it to your destination. The organisation's administrator sees the reason, and subscribers to
        `epcr.emergency_access.opened` are notified.

        Scope: `argus:epcr:handover`.

        `encounter_id`: The encounter that it belongs to.
        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return await self._client._call(
            Call(
                _OPEN_EMERGENCY,
                path=(encounter_id,),
                headers={"Idempotency-Key": idempotency_key},
                body=body,
                timeout=timeout,
            )
        )

    def list_emergencies(
        self, *, limit: int | None = None, cursor: str | None = None, timeout: float | None = None
    ) -> AsyncPages[models.epcr.EmergencyReview]:
        """Review emergency access.

        Every emergency access of your organisation's apps with its explanation, newest first.

        Scope: `platform:apps`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        """
        return self._client._pages(
            Call(_LIST_EMERGENCIES, query={"limit": limit, "cursor": cursor}, timeout=timeout, page="emergencies")
        )

    def list_disclosures(
        self,
        encounter_id: str,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        of: Literal["encounter", "patient"] | None = None,
        timeout: float | None = None,
    ) -> AsyncPages[models.epcr.Disclosure]:
        """List the disclosures of a patient's data.

        Every answer with identified data of the patient, of this and the patient's other encounters: to whom, for
        what, when, and which content.

        Scope: `platform:apps`.

        `encounter_id`: The encounter that it belongs to.
        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `of`: `encounter`: of this encounter alone; `patient`: of all encounters of the same patient.
        """
        return self._client._pages(
            Call(
                _LIST_DISCLOSURES,
                path=(encounter_id,),
                query={"limit": limit, "cursor": cursor, "of": of},
                timeout=timeout,
                page="disclosures",
            )
        )

    @overload
    async def get_outcome(
        self, encounter_id: str, *, if_none_match: None = None, timeout: float | None = None
    ) -> models.epcr.Outcome: ...

    @overload
    async def get_outcome(
        self, encounter_id: str, *, if_none_match: str, timeout: float | None = None
    ) -> models.epcr.Outcome | None: ...

    async def get_outcome(
        self, encounter_id: str, *, if_none_match: str | None = None, timeout: float | None = None
    ) -> models.epcr.Outcome | None:
        """Read the outcome of an encounter.

        The report of the encounter's present destination about its present patient, for that destination's app
        alone: no other hospital reads it, and after a change of the patient no client does. Each answer is recorded
        as a disclosure.

        Scope: `argus:epcr:outcome`.

        None means that nothing has changed since `if_none_match`.

        `encounter_id`: The encounter that it belongs to.
        `if_none_match`: The ETag of an earlier answer. If it is still current, the answer is 304.
        """
        return await self._client._call(
            Call(_GET_OUTCOME, path=(encounter_id,), headers={"If-None-Match": if_none_match}, timeout=timeout)
        )

    async def record_outcome(
        self,
        encounter_id: str,
        body: models.epcr.OutcomeDraft,
        *,
        identity: int | None = None,
        if_match: str | None = None,
        timeout: float | None = None,
    ) -> models.epcr.Outcome:
        """Report the outcome of an encounter.

        Diagnosis, disposition, procedures, survival and neurological outcome, by the app of the encounter's
        destination alone, for two years after the encounter ended. Each report is the whole outcome as it is known
        then, and a new version; your first needs no `If-Match`, each later one the ETag of the version that it
        corrects. `identity` names the handover that it is about: after a correction of who the patient is, a report
        about the former patient, or one that names no handover, is refused. A field that is absent is not reported;
        `unknown` is an answer. The crew's entries stay as they are. Quality indicators follow, and
        `epcr.outcome.recorded` is sent.

        Scope: `argus:epcr:outcome`.

        `encounter_id`: The encounter that it belongs to.
        `identity`: The `identity` in the handover that you read: required where an earlier one was another
        patient's.
        `if_match`: The ETag of the version that the call replaces.
        """
        return await self._client._call(
            Call(
                _RECORD_OUTCOME,
                path=(encounter_id,),
                query={"identity": identity},
                headers={"If-Match": if_match},
                body=body,
                timeout=timeout,
            )
        )

    async def record_outcome_bundle(
        self,
        encounter_id: str,
        body: models.epcr.OutcomeBundle,
        *,
        identity: int | None = None,
        if_match: str | None = None,
        timeout: float | None = None,
    ) -> models.epcr.Outcome:
        """Report the outcome of an encounter as FHIR.

        The same as a FHIR R4 Bundle: Encounters of the emergency department and the stay, Conditions, Procedures,
        and Observations of survival and neurological outcome. `application/fhir+json` is accepted too. `identity`,
        or the identifier of the Encounter in a FHIR handover among those of an Encounter here, names the handover
        that it is about. A resource that an outcome cannot hold is refused; elements that it does not need are not
        read.

        Scope: `argus:epcr:outcome`.

        `encounter_id`: The encounter that it belongs to.
        `identity`: The `identity` in the handover that you read: required where an earlier one was another
        patient's.
        `if_match`: The ETag of the version that the call replaces.
        """
        return await self._client._call(
            Call(
                _RECORD_OUTCOME_BUNDLE,
                path=(encounter_id,),
                query={"identity": identity},
                headers={"If-Match": if_match},
                body=body,
                timeout=timeout,
            )
        )
