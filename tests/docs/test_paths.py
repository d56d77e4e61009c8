"""Paths are exact."""

from tests.docs import validating
from tests.support.stack import Stack
from tests.support.waiting import wait_for


def test_a_path_that_is_almost_a_described_one_is_not_found_and_leads_nowhere(stack: Stack) -> None:
    """A redirect would repeat the request with its token at an address that is made from the request itself."""
    paths = {
        path: item["servers"][0]["url"] for path, item in validating.contract()["paths"].items() if "{" not in path
    }
    with stack.client("api", stack.admin_token) as client:
        wait_for(lambda: client.get("/api/v1/platform/packages").is_success, what="the organisation's access")
    for path, server in paths.items():
        with stack.client("auth" if "auth" in server else "api", stack.admin_token) as client:
            assert client.get(path + "/").status_code == 404, path
