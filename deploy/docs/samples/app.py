from knogin import Knogin, models

with Knogin(base_url="https://api.knogin.com") as administrator:
    app = administrator.apps.create_app(
        models.apps.AppDraft(
            name="CAD connector",
            grant_types=["client_credentials"],
            requested_scopes=["argus:epcr:write", "webhooks:write"],
        )
    )
    print("store this secret now:", app.client_id, app.client_secret)
    administrator.apps.update_app_governance(
        app.client_id,
        models.apps.GovernanceChange(approved_events=["epcr.*"]),
    )
