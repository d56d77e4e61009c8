"""The pure rules of automations: filters, templates, loops, scopes, and the states of a run."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.control_plane.automations import expressions, models, rules, runs
from services.control_plane.automations.models import DocumentAction, WebhookAction
from services.control_plane.settings import parse_schedule
from services.webhook_dispatcher.fanout import event_types
from shared.messaging import filters
from shared.messaging.filters import Filter
from shared.web import http
from shared.web.problems import Problem

settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")
EVENT = {
    "type": "fire",
    "priority": "high",
    "version": 3,
    "units": ["AMB-1", "AMB-2"],
    "a/b": {"m~n": None},
    "test": True,
}
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=20,
)


def of(text: Any) -> Filter:
    return http.convert(text, Filter)


def meets(text: Any, event: Any = EVENT) -> bool:
    one = of(text)
    assert filters.filter_errors(one, "") == []
    return filters.matches(one, event)


@pytest.mark.parametrize("name", ["fields", "variables"])
def test_fields_and_variables_are_objects_whatever_way_they_are_written(name: str) -> None:
    kinds: dict[str, models.Action] = {
        "fields": WebhookAction(fields={"literal": 3}),
        "variables": DocumentAction(bundle="incident-management", operation="x", variables={"literal": [1]}),
    }
    (found,) = rules.action_errors(kinds[name], "/action")
    assert found.pointer == f"/action/{name}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ({"pointer": "/type", "eq": "fire"}, True),
        ({"pointer": "/type", "eq": "medical"}, False),
        ({"pointer": "/type", "ne": "medical"}, True),
        ({"pointer": "/nothing", "eq": None}, False),
        ({"pointer": "/nothing", "ne": "x"}, True),
        ({"pointer": "/a~1b/m~0n", "eq": None}, True),
        ({"pointer": "/version", "eq": 3.0}, True),
        ({"pointer": "/test", "eq": 1}, False),
        ({"pointer": "/version", "gt": 2}, True),
        ({"pointer": "/version", "gt": 3}, False),
        ({"pointer": "/version", "lt": 3.5}, True),
        ({"pointer": "/test", "gt": 0}, False),
        ({"pointer": "/type", "gt": 0}, False),
        ({"pointer": "/nothing", "lt": 5}, False),
        ({"pointer": "/priority", "in": ["critical", "high"]}, True),
        ({"pointer": "/priority", "in": [1, None]}, False),
        ({"pointer": "/units/1", "prefix": "AMB-"}, True),
        ({"pointer": "/units/2", "exists": True}, False),
        ({"pointer": "/units/01", "exists": True}, False),
        ({"pointer": "/units/-", "exists": True}, False),
        ({"pointer": "/units", "prefix": "A"}, False),
        ({"pointer": "", "exists": True}, True),
        ({"pointer": "/a~1b/m~0n", "exists": True}, True),
        ({"pointer": "/nothing", "exists": False}, True),
        ({"all": [{"pointer": "/type", "eq": "fire"}, {"pointer": "/version", "gt": 1}]}, True),
        ({"all": [{"pointer": "/type", "eq": "fire"}, {"pointer": "/version", "gt": 9}]}, False),
        ({"any": [{"pointer": "/type", "eq": "x"}, {"pointer": "/version", "gt": 1}]}, True),
        ({"not": {"pointer": "/type", "eq": "fire"}}, False),
    ],
)
def test_a_filter_says_what_json_says(text: Any, expected: bool) -> None:
    assert meets(text) is expected


@pytest.mark.parametrize(
    ("text", "pointer"),
    [
        ({}, "/f"),
        ({"pointer": "/a"}, "/f"),
        ({"pointer": "/a", "eq": 1, "ne": 2}, "/f"),
        ({"eq": 1}, "/f"),
        ({"pointer": "/a", "eq": 1, "all": [{"pointer": "/a", "eq": 1}]}, "/f"),
        ({"all": [{"pointer": "/a", "eq": 1}], "eq": 1}, "/f"),
        ({"pointer": "a", "eq": 1}, "/f"),
        ({"pointer": "/a~2", "eq": 1}, "/f"),
        ({"pointer": "/a" * 17, "eq": 1}, "/f"),
        ({"not": {"any": [{"pointer": "/a", "eq": 1}, {}]}}, "/f/not/any/1"),
        ({"all": [{"pointer": "/a", "eq": 1}] * 50 + []}, None),
        ({"all": [{"any": [{"pointer": "/a", "eq": 1}] * 30}] * 2}, "/f"),
    ],
)
def test_a_filter_of_no_form_is_refused_where_it_stands(text: Any, pointer: str | None) -> None:
    assert next((error.pointer for error in filters.filter_errors(of(text), "/f")), None) == pointer


def test_a_filter_too_deep_is_refused_as_a_whole() -> None:
    text: Any = {"pointer": "/a", "eq": 1}
    for _ in range(5):
        text = {"not": text}
    assert filters.filter_errors(of(text), "/f") == []
    assert [error.pointer for error in filters.filter_errors(of({"not": text}), "/f")] == ["/f"]
    for _ in range(50):
        text = {"all": [text]}
    assert [error.pointer for error in filters.filter_errors(of(text), "/f")] == ["/f"]


@pytest.mark.parametrize(
    "text",
    [
        {"pointer": "/a", "eq": {"a": 1}},
        {"pointer": "/a", "eq": [1]},
        {"pointer": "/a", "gt": "2"},
        {"pointer": "/a", "in": []},
        {"pointer": "/a", "prefix": 1},
        {"pointer": "/a", "matches": ".*"},
        {"pointer": 7, "eq": 1},
        {"all": []},
        {"all": {}},
        {"not": []},
        [],
        "x",
    ],
)
def test_what_is_no_filter_at_all_is_422(text: Any) -> None:
    with pytest.raises(Problem) as refused:
        of(text)
    assert refused.value.status == 422


@st.composite
def filter_texts(draw: st.DrawFn, depth: int = 3) -> Any:
    form = draw(st.sampled_from(["leaf", "all", "any", "not"])) if depth else "leaf"
    if form == "not":
        return {"not": draw(filter_texts(depth - 1))}
    if form in ("all", "any"):
        return {form: draw(st.lists(filter_texts(depth - 1), min_size=1, max_size=3))}
    pointer = draw(st.sampled_from(["", "/type", "/version", "/units/0", "/a~1b", "/nothing/x"]))
    operator = draw(st.sampled_from(["eq", "ne", "in", "gt", "lt", "exists", "prefix"]))
    value = {
        "in": st.lists(SCALARS, min_size=1, max_size=3),
        "gt": st.floats(-5, 5),
        "lt": st.floats(-5, 5),
        "exists": st.booleans(),
        "prefix": st.text(max_size=3),
    }.get(operator, SCALARS)
    return {"pointer": pointer, operator: draw(value)}


@given(filter_texts(), JSON)
def test_every_filter_gives_an_answer_for_every_event_and_not_turns_it_round(text: Any, event: Any) -> None:
    one = of(text)
    if filters.filter_errors(one, ""):
        return
    answer = filters.matches(one, event)
    assert answer in (True, False)
    assert filters.matches(of({"not": text}), event) is not answer


@given(filter_texts(), JSON)
def test_a_filter_means_the_same_after_it_was_stored(text: Any, event: Any) -> None:
    one = of(text)
    stored = msgspec.json.decode(http.encode(one))
    again = filters.read_filter(stored)
    assert again == one
    if not filters.filter_errors(one, ""):
        assert filters.matches(again or one, event) == filters.matches(one, event)


@given(SCALARS, JSON)
def test_ne_is_what_eq_is_not_wherever_it_looks(wanted: Any, event: Any) -> None:
    for pointer in ("", "/0", "/a"):
        assert meets({"pointer": pointer, "eq": wanted}, event) is not meets({"pointer": pointer, "ne": wanted}, event)


@given(JSON, st.lists(st.text(max_size=5) | st.integers(0, 9).map(str), max_size=5))
def test_a_pointer_resolves_to_something_that_stands_there_or_to_nothing(document: Any, steps: list[str]) -> None:
    pointer = "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)
    if filters.pointer_error(pointer) is not None:
        return
    found: Any = document
    for step in steps:
        if isinstance(found, dict) and step in found:
            found = found[step]
        elif isinstance(found, list) and step in map(str, range(len(found))):
            found = found[int(step)]
        else:
            found = filters.MISSING
            break
    assert filters.resolve(pointer, document) is found or filters.resolve(pointer, document) == found


def test_values_come_from_the_event_with_their_type_or_a_default() -> None:
    template = {
        "id": {"from": "/type"},
        "n": {"from": "/version"},
        "list": [{"from": "/units"}, 1],
        "other": {"from": "/nothing", "default": None},
        "plain": {"literal": {"from": "here"}},
        "nested": {"a": {"b": {"from": "/test"}}},
    }
    assert expressions.template_errors(template, "") == []
    assert expressions.fill(template, EVENT) == {
        "id": "fire",
        "n": 3,
        "list": [["AMB-1", "AMB-2"], 1],
        "other": None,
        "plain": {"from": "here"},
        "nested": {"a": {"b": True}},
    }


def test_a_place_where_nothing_stands_is_named() -> None:
    with pytest.raises(expressions.Unresolvable, match="/nothing"):
        expressions.fill({"id": {"from": "/nothing"}}, EVENT)


@pytest.mark.parametrize(
    ("template", "pointer"),
    [
        ({"a": {"from": "x"}}, "/v/a/from"),
        ({"a": {"from": 7}}, "/v/a/from"),
        ({"a": [1, {"from": "/x", "surprise": 1}]}, "/v/a/1"),
        ({"a/b": {"from": "x"}}, "/v/a~1b/from"),
        ({"a": "x" * 20_000}, "/v"),
    ],
)
def test_a_template_that_cannot_be_filled_is_refused_where_it_stands(template: Any, pointer: str) -> None:
    assert [error.pointer for error in expressions.template_errors(template, "/v")] == [pointer]


def test_a_template_too_deep_is_refused() -> None:
    template: Any = 1
    for _ in range(12):
        template = [template]
    assert expressions.template_errors(template, "/v")


@given(JSON, JSON)
def test_a_template_without_references_is_itself(template: Any, event: Any) -> None:
    text = http.encode(template)
    if b'"from"' in text or b'"literal"' in text:
        return
    assert expressions.fill(template, event) == template


@given(st.lists(st.sampled_from("abcdef"), max_size=6), st.sampled_from("abcdef"))
def test_a_chain_never_holds_an_automation_twice_and_never_grows_past_the_longest(cause: list[str], one: str) -> None:
    chain: list[str] = []
    for automation in [*cause, one]:
        if runs.loop_error(automation, chain) is None:
            chain = runs.next_cause(automation, chain)
    assert len(chain) == len(set(chain)) <= runs.LONGEST_CHAIN


def test_the_reason_of_a_loop_says_which_kind_it_is() -> None:
    assert runs.loop_error("a", []) is None
    assert runs.loop_error("a", ["b", "c"]) is None
    assert "itself" in (runs.loop_error("a", ["a"]) or "")
    assert "3 automations" in (runs.loop_error("a", ["b", "c", "d"]) or "")


@pytest.mark.parametrize(
    ("made_with", "of_app", "of_tenant", "expected"),
    [
        (["argus:incidents:write"], ["argus:incidents:write"], [], ["argus:incidents:write"]),
        (["argus:incidents:write"], ["argus:incidents:read"], [], []),
        (["argus:incidents:read"], ["argus:incidents:write"], [], ["argus:incidents:read"]),
        (["argus:telephony:read"], ["argus:telephony:read"], [], []),
        (["argus:telephony:read"], ["argus:telephony:read"], ["argus:telephony:write"], ["argus:telephony:read"]),
    ],
)
def test_an_automation_may_do_what_its_maker_could_and_its_app_and_organisation_still_may(
    made_with: list[str], of_app: list[str], of_tenant: list[str], expected: list[str]
) -> None:
    assert rules.allowed_scopes(made_with, of_app, of_tenant) == expected


@given(
    st.sampled_from(sorted(event_types.catalogue())),
    st.lists(st.sampled_from(["*", "incident.*", "incident*", "epcr.encounter.*", "incident.created", "*.created"])),
)
def test_approval_means_here_what_it_means_to_the_dispatcher(event_type: str, patterns: list[str]) -> None:
    assert rules.covers(patterns, event_type) == event_types.is_approved(event_type, patterns)


WAITS = (5.0, 30.0)


def test_a_run_that_fails_is_tried_after_each_wait_and_then_dead() -> None:
    assert runs.answered("running", 1, 0, 1, "failed", WAITS) == ("failed", 5.0)
    assert runs.answered("running", 2, 1, 2, "failed", WAITS) == ("failed", 30.0)
    assert runs.answered("running", 3, 2, 3, "failed", WAITS) == ("dead", None)
    assert runs.answered("running", 1, 0, 1, "refused", WAITS) == ("dead", None)


STATUSES: list[models.Status] = ["queued", "running", "failed", "succeeded", "dead", "suppressed"]
OUTCOMES: list[models.Outcome] = ["succeeded", "failed", "refused"]


@given(st.sampled_from(STATUSES), st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), st.sampled_from(OUTCOMES))
def test_only_a_success_moves_what_is_not_under_way_in_that_attempt(
    status: models.Status, current: int, rung: int, attempt: int, outcome: models.Outcome
) -> None:
    moved = runs.answered(status, current, rung, attempt, outcome, WAITS)
    if outcome == "succeeded":
        assert moved.status == "succeeded"
    elif status != "running" or attempt != current:
        assert moved.status == status
    assert (moved.wait is not None) == (moved.status == "failed" and status == "running" and attempt == current)


@pytest.mark.parametrize("text", ["", "5", "5d", "soon", "5s,,1m", "-1s"])
def test_a_schedule_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="AUTOMATION_RETRY_SCHEDULE"):
        parse_schedule(text)


def test_a_schedule_is_read_in_seconds() -> None:
    assert parse_schedule("50ms,5s,2m,1h") == (0.05, 5, 120, 3600)


@pytest.mark.parametrize(
    ("status", "error", "days", "allowed"),
    [
        ("dead", "no_answer", 1, True),
        ("suppressed", "rate_ceiling", 1, True),
        ("suppressed", "loop", 1, False),
        ("dead", "no_answer", 8, False),
        ("running", None, 0, False),
        ("failed", "UNAVAILABLE", 0, False),
        ("succeeded", None, 0, False),
    ],
)
def test_a_person_may_try_again_what_is_over_badly_and_young(
    status: models.Status, error: str | None, days: int, allowed: bool
) -> None:
    assert (runs.may_retry(status, error, timedelta(days=days)) is None) is allowed
