import time

from knogin import Knogin, models


def advance(
    administrator: Knogin, sandbox_id: str, seconds: int
) -> models.sandboxes.SandboxTenant:
    sandbox = administrator.sandboxes.advance_sandbox_clock(
        sandbox_id, models.sandboxes.ClockAdvance(seconds=seconds)
    )
    for _ in range(240):
        if sandbox.state != "advancing":
            break
        time.sleep(0.5)
        sandbox = administrator.sandboxes.get_sandbox(sandbox_id)
    return sandbox


if __name__ == "__main__":
    with Knogin(base_url="https://api.knogin.com") as administrator:
        for sandbox in administrator.sandboxes.list_sandboxes(state="ready"):
            moved = advance(administrator, sandbox.id, 5 * 86_400)
            print(moved.name, moved.state, moved.advanced_seconds, "seconds ahead")
