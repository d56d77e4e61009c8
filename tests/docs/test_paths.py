"""Paths are exact."""

from tests.docs import validating
from tests.support.stack import Stack
from tests.support.waiting import wait_for


def test_a_path_that_is_almost_a_described_one_is_not_found_and_leads_nowhere(stack: Stack) -> None:
    """A redirect would repeat the request with its token at an address that is made from the request itself."""
    with stack.client("api", stack.admin_token) as client:
        wait_for(lambda: client.get("/api/v1/platform/packages").is_success, what="the organisation's access")
    for host in ("auth", "api"):
        with stack.client(host, stack.admin_token) as client:
            for path in (path for path in validating.contract()["paths"] if "{" not in path):
                assert client.get(path + "/").status_code == 404, (host, path)
