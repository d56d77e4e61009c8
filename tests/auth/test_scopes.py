"""The scope catalogue by itself: who may ask for a scope, and how a scope parameter is read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.auth.apps import scopes


def test_a_scope_on_request_is_in_the_catalogue_of_those_it_was_granted_to_alone() -> None:
    assert scopes.catalogue([]) == scopes.DESCRIPTIONS
    assert scopes.catalogue(["argus:telephony:read", "platform:apps", "no:such"]) == scopes.DESCRIPTIONS | {
        "argus:telephony:read": scopes.ON_REQUEST["argus:telephony:read"]
    }


def test_each_scope_is_of_one_class() -> None:
    classes = [scopes.DESCRIPTIONS, scopes.ON_REQUEST, scopes.FIRST_PARTY]
    assert sum(map(len, classes)) == len(scopes.ALL)
    assert not scopes.ALL.keys() & scopes.OPERATORS.keys()


@pytest.mark.parametrize(
    ("approved", "scope", "allowed"),
    [
        (["webhooks:read"], "webhooks:read", True),
        (["webhooks:write"], "webhooks:read", True),
        (["webhooks:read"], "webhooks:write", False),
        (["argus:epcr:write"], "argus:devices:read", False),
        (["offline_access"], "offline_access", True),
        (["xwrite"], "xread", False),
        ([], "webhooks:read", False),
    ],
)
def test_write_includes_read_of_the_same_resource_and_nothing_else(
    approved: list[str], scope: str, allowed: bool
) -> None:
    assert scopes.allows(approved, scope) is allowed


@pytest.mark.parametrize("text", ["", " ", "a  b", " a", "a ", "a\tb", 'a"b', "a\\b", "caf\u00e9", "a\x7f", "a\x1f"])
def test_a_malformed_scope_parameter_is_no_list(text: str) -> None:
    assert scopes.parse(text) is None


def test_repeated_scopes_count_once_in_their_order() -> None:
    assert scopes.parse("b a b !~[]#") == ["b", "a", "!~[]#"]


@given(st.lists(st.text("!#[]~azAZ:_", min_size=1), min_size=1, unique=True))
def test_every_list_of_tokens_comes_back(tokens: list[str]) -> None:
    assert scopes.parse(" ".join(tokens)) == tokens


MAPPING = {"desk": ["webhooks:write"], "night": ["argus:incidents:read"]}


@pytest.mark.parametrize(
    ("granted", "roles", "is_over"),
    [
        (["webhooks:read", "offline_access"], ["desk"], False),
        (["webhooks:write", "argus:incidents:read"], ["desk", "night"], False),
        (["webhooks:write", "argus:incidents:read"], ["desk"], True),
        (["webhooks:write"], ["desk", "former"], False),
        (["offline_access"], ["former"], True),
        ([], [], True),
    ],
)
def test_a_grant_is_over_where_the_persons_mapped_roles_allow_less(
    granted: list[str], roles: list[str], is_over: bool
) -> None:
    assert scopes.exceeds(granted, roles, MAPPING) is is_over


def test_roles_allow_their_scopes_together_and_a_person_without_a_limit_all() -> None:
    assert scopes.of_roles(["night", "desk", "former"], MAPPING) == ["argus:incidents:read", "webhooks:write"]
    assert scopes.beyond(None, ["webhooks:write"]) == []
    assert scopes.beyond(None, ["webhooks:write", "platform:operate:read"]) == ["platform:operate:read"]
    assert scopes.beyond([], ["webhooks:write", "offline_access"]) == ["webhooks:write"]
