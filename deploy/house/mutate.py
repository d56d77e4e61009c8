"""`make mutate` makes one small change at a time in the pure modules, and counts the changes that their tests notice.

mutmut 3 and cosmic-ray start the test runner again for each mutant, and conftest.py costs two seconds: an hour in total. Here one
process loads the libraries, and a forked child loads the project with one mutant in place of its module, which takes a third of a
second. A mutant that hangs is ended after TIMEOUT seconds and counts as noticed.
"""

import ast
import importlib
import importlib.abc
import importlib.util
import os
import signal
import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT = 60
LIBRARIES = ("celery", "hypothesis", "psycopg_pool", "starlette.applications")  # loaded once, before the children
IMPORTED = "ignore::pytest.PytestAssertRewriteWarning"  # the libraries are imported before pytest
CORES = {
    "signing": ("services/webhook_dispatcher/sending/signing.py", "tests/webhook_dispatcher/test_signing.py"),
    "scopes": ("services/auth/apps/scopes.py", "tests/auth/test_scopes.py"),
    "deidentify": ("services/epcr/deidentification/projection.py", "tests/epcr/test_deidentify.py"),
    "ladder": ("services/webhook_dispatcher/sending/ladder.py", "tests/webhook_dispatcher/test_ladder.py"),
    "tokens": ("gateway/tokens.py", "tests/gateway/test_tokens.py"),
    "routing": ("gateway/routes.py", "tests/gateway/test_pure.py"),
    "suppression": (
        "services/graphql_api/acqi/suppression.py",
        "tests/graphql_api/test_suppression.py tests/graphql_api/test_withholding.py",
    ),
}
SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult, ast.Div: ast.Mult,
}  # fmt: skip


class Mutant(NamedTuple):
    line: int
    change: str
    source: str


def mutants(source: str) -> Iterator[Mutant]:
    """Every single change of an operator, a condition, a number, a truth value, a returned value or a raise."""
    places = len(list(ast.walk(ast.parse(source))))
    for place in range(places):
        tree = ast.parse(source)
        node = list(ast.walk(tree))[place]
        change = _change(node)
        if change:
            yield Mutant(getattr(node, "lineno", 0), change, ast.unparse(ast.fix_missing_locations(tree)))


def _change(node: ast.AST) -> str | None:
    """Changes the node in place; the change in words, or None for a node that is left alone."""
    match node:
        case ast.Compare(ops=[only]) if type(only) in SWAPS:
            node.ops = [SWAPS[type(only)]()]  # type: ignore[list-item]
            return f"{type(only).__name__} to {type(node.ops[0]).__name__}"
        case ast.BoolOp(op=op) | ast.BinOp(op=op) if type(op) in SWAPS:
            node.op = SWAPS[type(op)]()  # type: ignore[assignment]
            return f"{type(op).__name__} to {type(node.op).__name__}"
        case ast.If(test=test) | ast.IfExp(test=test):
            node.test = ast.UnaryOp(ast.Not(), test)
            return "condition turned"
        case ast.Constant(value=bool(value)):
            node.value = not value
            return f"{value} to {not value}"
        case ast.Constant(value=int(value) | float(value)):
            node.value = value + 1
            return f"{value} to {value + 1}"
        case ast.Return(value=ast.expr() as value) if ast.unparse(value) != "None":
            node.value = ast.Constant(None)
            return "returns None"
        case ast.Raise():
            node.__class__, node._fields = ast.Pass, ()  # type: ignore[assignment]
            return "raise left out"
    return None


class Loader(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Loads one module from the mutant's text."""

    def __init__(self, module: str, file: Path, source: str) -> None:
        self.module, self.file, self.source = module, file, source

    def find_spec(self, fullname: str, path: object, target: ModuleType | None = None) -> ModuleSpec | None:
        if fullname != self.module:
            return None
        return importlib.util.spec_from_file_location(fullname, self.file, loader=self)

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self.source, self.file, "exec"), module.__dict__)  # noqa: S102 - the project's own text, changed above


def start(file: str, tests: str, source: str) -> int:
    """Forks a child that runs the tests with the mutant and ends with their exit code. Call it only in a process with one thread."""
    child = os.fork()
    if child == 0:
        signal.alarm(TIMEOUT)
        for stream in (1, 2):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
        sys.meta_path.insert(0, Loader(file.removesuffix(".py").replace("/", "."), ROOT / file, source))
        os._exit(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-W", IMPORTED, *tests.split()]))
    return child


def survivors(file: str, tests: str, made: list[Mutant]) -> list[Mutant]:
    """Mutants with which all tests pass, tried by as many children at a time as there are cores."""
    running: dict[int, Mutant] = {}
    alive: list[Mutant] = []
    waiting = iter(made)
    while True:
        while len(running) < (os.cpu_count() or 1) and (mutant := next(waiting, None)):
            running[start(file, tests, mutant.source)] = mutant
        if not running:
            return sorted(alive)
        child, status = os.wait()
        mutant = running.pop(child)
        if os.waitstatus_to_exitcode(status) == 0:
            alive.append(mutant)


def main(names: list[str]) -> None:
    if unknown := set(names) - CORES.keys():
        sys.exit(f"nothing to break is called {', '.join(sorted(unknown))}: there are {', '.join(CORES)}")
    total = noticed = 0
    for library in LIBRARIES:
        importlib.import_module(library)
    for name in names or CORES:
        file, tests = CORES[name]
        source = (ROOT / file).read_text()
        if not survivors(file, tests, [Mutant(0, "unchanged", source)]):
            sys.exit(f"{tests} fails without a mutant")
        made = list(mutants(source))
        left = survivors(file, tests, made)
        total, noticed = total + len(made), noticed + len(made) - len(left)
        sys.stdout.write(f"{name}: {len(made) - len(left)} of {len(made)} mutants noticed by {tests}\n")
        sys.stdout.write("".join(f"  not noticed: {file}:{one.line}: {one.change}\n" for one in left))
        sys.stdout.flush()
    sys.stdout.write(f"score {100 * noticed / total:.1f} %\n")


if __name__ == "__main__":
    main(sys.argv[1:])
