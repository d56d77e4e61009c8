from knogin import Knogin, models, problems

client = Knogin(base_url="https://api.knogin.com")


def assigned(incident: str, vehicle: str, crew: list[str]) -> str:
    """Begins the encounter. Your system may call it again for the same vehicle and incident."""
    draft = models.epcr.EncounterDraft(
        care_model="prehospital_emergency",
        vehicle_id=vehicle,
        crew_ids=crew,
        cad_incident_id=incident,
    )
    try:
        return client.epcr.create_encounter(
            draft, idempotency_key=f"{incident}/{vehicle}"
        ).id
    except problems.Conflict:
        # It was begun more than a day ago, or by another program.
        mine = client.epcr.list_encounters(cad_incident_id=incident)
        return next(one.id for one in mine if one.vehicle_id == vehicle)


def completed(encounter: str, known: str | None) -> tuple[str | None, bytes]:
    """The bundle for the hospital's server with its ETag. It is empty if nothing has changed since `known`."""
    headers = {"if-none-match": known} if known else {}
    path = f"/api/v1/epcr/encounters/{encounter}/fhir-bundle"
    answer = client.request("GET", path, headers=headers)
    return answer.headers.get("etag"), answer.content


if __name__ == "__main__":
    encounter_id = assigned("cad-4711", "AMB-42", ["crew-7"])
    etag, bundle = completed(encounter_id, None)
    print(encounter_id, len(bundle) > 0, completed(encounter_id, etag)[1])
