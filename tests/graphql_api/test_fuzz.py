"""Random documents made from the schema itself: never a 500, never a leak, never a field of another tenant."""

import random
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
)

from services.graphql_api import schema
from shared.primitives import ids
from tests.graphql_api.asking import Asking

pytestmark = pytest.mark.full

DOCUMENTED = {"acqiMetrics", "telephonyProviders", "telephonyRoutes"}
CODES = {
    "OPERATION_NOT_APPROVED",
    "FORBIDDEN",
    "BAD_USER_INPUT",
    "NOT_FOUND",
    "CONFLICT",
    "LIMIT_EXCEEDED",
    "UNAVAILABLE",
}
WORDS = [
    "",
    "x",
    "inc_01jdkfx3c8e2r9v5m7q4t6w0ya",
    "2026-04-01T00:00:00Z",
    "+390551234567",
    "\u202e",
    "x" * 300,
    "a\nb",
    "9" * 20,
]


class Maker:
    """Makes documents and values by a seeded chance; `wild` ones are often wrong."""

    def __init__(self, built: GraphQLSchema, chance: random.Random, wild: float) -> None:
        self.built = built
        self.chance = chance
        self.wild = wild

    def document(self) -> str:
        kind = self.chance.choice(["query", "query", "query", "mutation"])
        root = self.built.query_type if kind == "query" else self.built.mutation_type
        assert root is not None
        names = list(root.fields)
        if self.chance.random() < 0.7:
            names = [name for name in names if name in DOCUMENTED] or names
        chosen = self.chance.sample(names, min(len(names), self.chance.choice([1, 1, 1, 2, 3])))
        return f"{kind} {{ {' '.join(self.field(root, name, 0) for name in chosen)} }}"

    def field(self, parent: GraphQLObjectType, name: str, depth: int) -> str:
        field = parent.fields[name]
        given = {
            argument: self.value(field.args[argument].type)
            for argument in field.args
            if isinstance(field.args[argument].type, GraphQLNonNull) or self.chance.random() < 0.5
        }
        arguments = f"({', '.join(f'{key}: {value}' for key, value in given.items())})" if given else ""
        alias = f"a{self.chance.randrange(3)}: " if self.chance.random() < 0.1 else ""
        if self.chance.random() < 0.05 * self.wild:
            name = name[:-1]
        below = get_named_type(field.type)
        if is_leaf_type(below):
            return alias + name + arguments
        assert isinstance(below, GraphQLObjectType)
        return f"{alias}{name}{arguments} {{ {self.selection(below, depth + 1)} }}"

    def selection(self, kind: GraphQLObjectType, depth: int) -> str:
        names = [name for name in kind.fields if depth < 6 or is_leaf_type(get_named_type(kind.fields[name].type))]
        chosen = self.chance.sample(names, self.chance.randint(1, min(4, len(names)))) if names else []
        parts = [self.field(kind, name, depth) for name in chosen] or ["__typename"]
        if self.chance.random() < 0.1:
            parts.append("__typename")
        text = " ".join(parts)
        if self.chance.random() < 0.15:
            on = self.chance.choice(["", f" on {kind.name}", " on Incident"]) if self.wild else f" on {kind.name}"
            text = f"...{on} {{ {text} }}"
        return text

    def value(self, kind: Any) -> str:
        if self.chance.random() < 0.1 * self.wild:
            return self.chance.choice(["null", "5", '"x"', "true", "{}", "[]", "1e400", "-1", "NOPE"])
        if isinstance(kind, GraphQLNonNull):
            return self.value(kind.of_type)
        if isinstance(kind, GraphQLList):
            return f"[{', '.join(self.value(kind.of_type) for _ in range(self.chance.randrange(3)))}]"
        if isinstance(kind, GraphQLEnumType):
            return self.chance.choice(list(kind.values))
        if isinstance(kind, GraphQLInputObjectType):
            return self._object(kind)
        made = {"Int": "3", "Float": "1.5", "Boolean": "true", "DateTime": '"2026-04-0%dT00:00:00Z"'}.get(kind.name)
        if made is None:
            return '"' + self.chance.choice(WORDS).replace("\n", "\\n") + '"'
        return made % self.chance.randint(1, 9) if "%" in made else made

    def _object(self, kind: GraphQLInputObjectType) -> str:
        names = list(kind.fields)
        if kind.is_one_of:
            names = [self.chance.choice(names)]
        return "{" + ", ".join(f"{name}: {self.value(kind.fields[name].type)}" for name in names) + "}"


def check(ask: Asking, body: dict[str, Any]) -> dict[str, Any]:
    response = ask.raw(json=body)
    assert response.status_code == 200, (body, response.text)
    answer = response.json()
    for error in answer.get("errors", []):
        assert error["extensions"]["code"] in CODES, (body, answer)
        assert "Did you mean" not in error["message"]
    return answer


@pytest.mark.parametrize("seed", range(2))
def test_documents_made_from_the_schema_run_or_are_refused(ask: Asking, seed: int) -> None:
    maker = Maker(schema.build(), random.Random(seed), wild=seed % 2)
    ran = 0
    for _ in range(50):
        document = maker.document()
        answer = check(ask, {"query": document})
        ran += answer.get("data") is not None
        if "data" not in answer:
            continue
        assert set(DOCUMENTED) & set(document.replace("(", " ").split()), document
    assert ran > 5


@pytest.mark.parametrize("seed", range(2))
def test_approved_documents_take_any_variables_at_all(ask: Asking, seed: int) -> None:
    ask.grant("incident-management", "acqi-reporting", "telephony-admin")
    chance = random.Random(seed)
    junk: list[Any] = [None, 0, -1, 2**31, 1.5, True, [], {}, [None], {"a": 1}, *WORDS]
    built = schema.build()
    codes: set[str] = set()
    for bundle in ask.catalogue.bundles.values():
        if bundle.name == "incident-webhooks":
            continue
        for operation in bundle.operations:
            for _ in range(3):
                names = [one.variable.name.value for one in operation.document.operation.variable_definitions or ()]
                variables = {name: chance.choice(junk) for name in names if chance.random() < 0.9}
                answer = check(ask, {"query": operation.text, "variables": variables})
                codes |= {error["extensions"]["code"] for error in answer.get("errors", [])}
    assert "BAD_USER_INPUT" in codes
    assert built.query_type is not None


@pytest.mark.parametrize("seed", range(2))
def test_a_document_damaged_anywhere_is_refused_like_any_other(ask: Asking, seed: int) -> None:
    chance = random.Random(seed)
    text = ask.text("AcqiReport")
    for _ in range(50):
        place = chance.randrange(len(text))
        damaged = (
            text[:place] + chance.choice(['"', "{", "}", "(", "$", "\\", "é", "...", "#", "", "@a"]) + text[place + 1 :]
        )
        check(ask, {"query": damaged, "variables": {}})


def test_ids_of_other_kinds_are_only_not_found(ask: Asking) -> None:
    ask.grant("incident-management", "telephony-admin")
    for prefix in ("inc", "tpr", "trt", "wh", "org"):
        for name in ("DeleteTelephonyProvider", "DeleteTelephonyRoute"):
            assert ask.code(name, {"id": ids.new_id(prefix)}) == "NOT_FOUND"
