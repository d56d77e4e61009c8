from knogin import Knogin, models

with Knogin() as administrator:
    sandbox = administrator.sandboxes.create_sandbox(
        models.sandboxes.SandboxDraft(name="Trying out")
    )
    print("store this secret now:", sandbox.client_id, sandbox.client_secret)

with Knogin(sandbox.client_id, sandbox.client_secret) as client:
    print(len(list(client.devices.list_devices())), "devices")
