"""No request waits for its body, or for the turn of heavy work, while it holds a connection or such a turn."""

import ast
from collections.abc import Iterator
from pathlib import Path

from deploy.local.table import ROOT

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
Place = tuple[str, str]
# These read a body or the query, or wait for the turn of heavy work.
WAITS = frozenset(
    {
        *(("shared.web.http", name) for name in ("decode", "query", "read_body")),
        *(("shared.web.heavy", name) for name in ("made", "more", "turn")),
    }
)
OF_REQUEST = frozenset({"body", "form", "json", "stream", "receive"})
KEPT = frozenset(
    {
        # `routing.served` or the endpoint has read the body that these ask for.
        ("shared.storage.idempotency", "stored"),
        ("shared.storage.idempotency", "keep"),
        # A mutation, which has a transaction, takes no turn.
        ("services.graphql_api.transport.plans", "run"),
    }
)
HOLDS = frozenset({"transaction", "tenant_transaction", "turn", "connection"})


class Modules:
    """The functions of the services and of `shared`, and the calls between them as far as imports show them."""

    def __init__(self, sources: dict[str, str]) -> None:
        self.functions: dict[Place, FunctionNode] = {}
        self.names: dict[str, dict[str, Place]] = {}
        for module, source in sources.items():
            tree, names = ast.parse(source), self.names.setdefault(module, {})
            for node in ast.walk(tree):
                if isinstance(node, ast.ImportFrom) and node.module:
                    for alias in node.names:
                        names[alias.asname or alias.name] = (node.module, alias.name)
                elif isinstance(node, FunctionNode):
                    self.functions[module, node.name] = node
                    names.setdefault(node.name, (module, node.name))

    def called(self, module: str, node: ast.AST, function: FunctionNode) -> Iterator[Place]:
        """Every function that this part of the function names: one that it passes on is called too."""
        own = {each.arg for each in ast.walk(function) if isinstance(each, ast.arg)}
        for each in ast.walk(node):
            if isinstance(each, ast.Name) and each.id in self.names[module]:
                if each.id not in own:
                    yield self.names[module][each.id]
            elif isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name):
                if each.value.id == "request" and each.attr in OF_REQUEST:
                    yield "request", each.attr
                elif each.value.id == "self":
                    yield module, each.attr
                elif each.value.id in self.names[module]:
                    yield ".".join(self.names[module][each.value.id]), each.attr

    def waiting(self) -> set[Place]:
        """The functions that wait themselves, or call one that does."""
        calls = {place: set(self.called(place[0], node, node)) for place, node in self.functions.items()}
        found = set(WAITS) | {("request", name) for name in OF_REQUEST}
        while more := {place for place, called in calls.items() if called & found} - found - KEPT:
            found |= more
        return found

    def faults(self) -> Iterator[str]:
        waiting = self.waiting()
        for (module, name), function in self.functions.items():
            for node in ast.walk(function):
                if isinstance(node, ast.AsyncWith) and any(_holds(item.context_expr) for item in node.items):
                    for statement in node.body:
                        for place in sorted(set(self.called(module, statement, function)) & waiting):
                            yield f"{module}.{name}:{statement.lineno} {'.'.join(place)}"


def _holds(call: ast.expr) -> bool:
    if not isinstance(call, ast.Call):
        return False
    return ast.unparse(call.func).rpartition(".")[2] in HOLDS


def test_a_body_that_is_read_in_a_transaction_is_found() -> None:
    endpoint = """
from shared.storage.database import transaction
from shared.web import heavy, http
from services.other import helper

async def endpoint(request):
    draft = await http.decode(request, int)
    async with transaction(request) as conn:
        {}
"""
    other = "from shared.web import http\n\nasync def helper(request):\n    return await http.read_body(request)\n"
    for line, expected in [
        ("await http.decode(request, int)", 1),
        ("await helper(request)", 1),
        ("await heavy.made(request, 1, len, '')", 1),
        ("await conn.execute('')", 0),
    ]:
        modules = Modules({"services.one": endpoint.format(line), "services.other": other})
        assert len(list(modules.faults())) == expected, line
    assert len(list(Modules({"services.one": endpoint.format("await request.body()")}).faults())) == 1


def test_no_endpoint_reads_its_body_or_waits_for_a_turn_in_a_transaction() -> None:
    paths: list[Path] = [path for package in ("services", "shared") for path in (ROOT / package).rglob("*.py")]
    modules = {".".join(path.relative_to(ROOT).with_suffix("").parts): path.read_text() for path in paths}
    assert list(Modules(modules).faults()) == []
