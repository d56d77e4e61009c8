"""Orders test files for several processes, so that they do not wait at the end for one long file.

The list of long files only saves time; tests are right with any order. Files that need the whole stack share two stacks, because
each start takes a core for seconds.
"""

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest
from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

TESTS = Path(__file__).parents[1]
STACKS = 2
USES_STACK = re.compile(
    r"^(?:def |    )[^\n]*\b(?:stack: Stack|integration: Integration|contract: Contract)\b", re.MULTILINE
)
LONG = (
    "console/test_pages.py",
    "console/test_access.py",
    "local/test_lifecycle.py",
    "shared/test_roles.py",
    "docs/test_page.py",
    "clients/test_cli_live.py",
    "auth/test_browser.py",
    "shared/test_outbox.py",
    "contract/test_echo.py",
    "console/test_tasks.py",
    "webhook_dispatcher/test_senders.py",
    "graphql_api/test_acqi.py",
    "e2e/test_own_sandbox.py",
    "auth/test_device_browser.py",
    "webhook_dispatcher/test_sending.py",
    "hostile/test_linear.py",
    "shared/test_apart.py",
    "shared/test_redis_clients.py",
    "docs/test_samples.py",
    "auth/test_saml_browser.py",
    "epcr/test_attacker.py",
    "clients/test_listen.py",
    "deploy/test_redis_users.py",
    "console/test_failing_parts.py",
    "shared/test_silence.py",
    "auth/test_many_grants.py",
    "shared/test_audit.py",
    "clients/test_typescript_live.py",
    "console/test_with_stack.py",
    "shared/test_deaths.py",
    "docs/test_code_samples.py",
    "webhook_dispatcher/test_recovery.py",
    "console/test_attacks.py",
    "shared/test_plans.py",
    "e2e/test_healing.py",
    "contract/test_refusals.py",
    "webhook_dispatcher/test_failing_work.py",
    "epcr/test_heavy_work.py",
    "gateway/test_refused_bytes.py",
    "gateway/test_with_stack.py",
    "deploy/test_redis_memory.py",
    "webhook_dispatcher/test_replays.py",
    "auth/test_caps.py",
    "local/test_running_stack.py",
    "e2e/test_alone.py",
    "shared/test_road.py",
    "epcr/test_long.py",
    "trail/test_reading.py",
    "auth/test_saml_sign_in.py",
    "e2e/test_heavy_records.py",
    "local/test_ending.py",
    "auth/test_strangers.py",
    "clients/test_typescript_hostile.py",
    "e2e/test_marketplace.py",
    "webhook_dispatcher/test_administrators.py",
    "webhook_dispatcher/test_backlogs.py",
    "graphql_api/test_reports.py",
    "shared/test_processes.py",
    "auth/test_ending_apps.py",
    "epcr/test_heavy_records.py",
    "shared/test_authenticity.py",
    "docs/test_contract.py",
    "clients/test_typescript.py",
    "deploy/test_runbooks.py",
    "epcr/test_exposure.py",
    "auth/test_changes.py",
    "webhook_dispatcher/test_deliveries.py",
    "graphql_api/test_indicator_encounters.py",
    "clients/test_cli.py",
    "local/test_load.py",
    "hostile/test_echo.py",
    "auth/test_invitations.py",
    "auth/test_own_sandboxes.py",
)
"""Files that take thirty seconds or more among five processes on two cores, the longest first."""


class Plan:
    """Groups and ranks of test files, named as pytest names them."""

    def __init__(self, files: Sequence[str]) -> None:
        ranks = {f"tests/{name}": rank for rank, name in enumerate(LONG)}
        ordered = sorted(dict.fromkeys(files), key=lambda file: ranks.get(file, len(ranks)))
        on_stack = [file for file in ordered if uses_stack(file)]
        self._groups = {file: f"stack {place % STACKS + 1}" for place, file in enumerate(on_stack)}
        self._ranks = {file: place for place, file in enumerate(ordered)} | dict.fromkeys(on_stack, -1)

    def group(self, file: str) -> str:
        """One process runs all files of a group."""
        return self._groups.get(file, file)

    def rank(self, file: str) -> int:
        """Files that need a stack come first, then long files, then the others in their order."""
        return self._ranks[file]


class Scheduling(LoadFileScheduling):
    """Like `--dist loadfile`, but keeps the order of the tests."""

    plan: Plan | None = None

    def schedule(self) -> None:
        self.config.option.loadscopereorder = False
        super().schedule()

    def _split_scope(self, nodeid: str) -> str:
        if self.plan is None:
            assert self.collection
            self.plan = Plan([file_of(each) for each in self.collection])
        return self.plan.group(file_of(nodeid))

    def remove_node(self, node: WorkerController) -> str | None:
        """Gives the rest of a crashed process to others. The test that crashed it failed; a second try would crash the next process."""
        for unit in self.assigned_work[node].values():
            for nodeid, completed in unit.items():
                if not completed:
                    unit[nodeid] = True
                    super().remove_node(node)
                    return nodeid
        return super().remove_node(node)


def order(items: list[pytest.Item]) -> None:
    """Sorts `items` in place. The tests of one file keep their order."""
    plan = Plan([file_of(item.nodeid) for item in items])
    items.sort(key=lambda item: plan.rank(file_of(item.nodeid)))


def file_of(nodeid: str) -> str:
    return nodeid.partition("::")[0]


@cache
def uses_stack(file: str) -> bool:
    """Whether tests of that file, by its pytest name, use the running stack."""
    path = TESTS.parent / file
    return path.exists() and USES_STACK.search(path.read_text()) is not None
