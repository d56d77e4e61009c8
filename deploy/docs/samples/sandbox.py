from knogin import Knogin, models

API = "https://api.knogin.com"

with Knogin(base_url=API) as administrator:
    sandbox = administrator.sandboxes.create_sandbox(
        models.sandboxes.SandboxDraft(name="Trying out")
    )
    print("store this secret now:", sandbox.client_id, sandbox.client_secret)

with Knogin(sandbox.client_id, sandbox.client_secret, base_url=API) as client:
    print(len(list(client.devices.list_devices())), "devices")
