from knogin import Knogin, models

with Knogin(base_url="https://api.knogin.com") as client:
    encounter = client.epcr.create_encounter(
        models.epcr.EncounterDraft(
            care_model="prehospital_emergency",
            vehicle_id="AMB-42",
            crew_ids=["crew-7"],
            cad_incident_id="cad-4711",
        ),
        idempotency_key="cad-4711/AMB-42",
    )
    bundle = client.epcr.get_fhir_bundle(encounter.id)
    print(encounter.id, bundle["resourceType"], len(bundle["entry"]))
