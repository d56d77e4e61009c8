"""Modules that a behaviour enters, found without running it.

Starting from a function, every name in its body is followed to its definition in the service or in shared/. A module counts
once the body of one of its functions is reached. Methods are followed by name, on the classes named so far in bodies or in types.
Two limits: a method that is reached only through a name built at run time is not found, and two methods of the same name on two
named classes are both followed.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

Function = ast.FunctionDef | ast.AsyncFunctionDef
ROOT = Path(__file__).resolve().parents[2]


class Definition(NamedTuple):
    module: str
    node: ast.stmt


class Module:
    """Definitions of one file by name, and the names it imports."""

    def __init__(self, name: str, tree: ast.Module) -> None:
        self.name = name
        self.defined: dict[str, ast.stmt] = {}
        self.imported: dict[str, tuple[str, str | None]] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    self.imported[alias.asname or alias.name] = (node.module or "", alias.name)
            elif isinstance(node, ast.Import):
                self.imported.update({alias.asname or alias.name: (alias.name, None) for alias in node.names})
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                self.defined[node.name] = node
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                self.defined.update({target.id: node for target in targets if isinstance(target, ast.Name)})


@cache
def module(name: str) -> Module | None:
    if not name.startswith(("services.", "shared.", "gateway.")):
        return None
    base = ROOT.joinpath(*name.split("."))
    for file in (base.with_suffix(".py"), base / "__init__.py"):
        if file.exists():
            return Module(name, ast.parse(file.read_text()))
    return None


def find(where: str, name: str) -> Definition | str | None:
    """A definition, or the name of a module, that `name` means in the module `where`."""
    home = module(where)
    if home is None:
        return None
    if name in home.defined:
        return Definition(where, home.defined[name])
    if name not in home.imported:
        return None
    source, original = home.imported[name]
    if original is None:
        return source
    if module(f"{source}.{original}") is not None:
        return f"{source}.{original}"
    return find(source, original) if source != where else None


class Road:
    """Everything that is reached from the starting points."""

    def __init__(self) -> None:
        self.entered: set[str] = set()
        self._visited: set[int] = set()
        self._methods: dict[str, list[Definition]] = {}
        self._called: set[str] = set()

    def follow(self, start: Definition) -> None:
        waiting = [start]
        while waiting:
            where, node = waiting.pop()
            if id(node) in self._visited:
                continue
            self._visited.add(id(node))
            if isinstance(node, ast.ClassDef):
                self.entered.add(where)
                waiting += self._meet(where, node)
                continue
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                self.entered.add(where)
            waiting += self._named_in(where, node)

    def _meet(self, where: str, node: ast.ClassDef) -> Iterator[Definition]:
        """Follows the methods of a new class that were called before; the others are followed when they are called."""
        for child in node.body:
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                self._methods.setdefault(child.name, []).append(Definition(where, child))
                if child.name in self._called or child.name in ("__init__", "__call__", "__enter__", "__aenter__"):
                    yield Definition(where, child)
            else:
                yield from self._named_in(where, child)
        for base in node.bases:
            yield from self._named_in(where, base)

    def _named_in(self, where: str, node: ast.AST) -> Iterator[Definition]:
        for child in ast.walk(node):
            if isinstance(child, ast.Name):
                found = find(where, child.id)
                if isinstance(found, Definition):
                    yield found
            elif isinstance(child, ast.Attribute):
                self._called.add(child.attr)
                yield from self._methods.get(child.attr, ())
                owner = find(where, child.value.id) if isinstance(child.value, ast.Name) else None
                found = find(owner, child.attr) if isinstance(owner, str) else None
                if isinstance(found, Definition):
                    yield found


def entered(*starts: str) -> tuple[list[str], list[str]]:
    """Modules of the service, and of shared/, entered from functions `<module>:<function>` or methods `<module>:<class>.<method>`."""
    road = Road()
    for start in starts:
        where, _, path = start.partition(":")
        name, _, method = path.partition(".")
        found = find(where, name)
        if not isinstance(found, Definition):
            raise LookupError(f"{start} is not there; name the behaviour's door anew in deploy/house/measure.py")
        road.follow(found)
        if method and isinstance(found.node, ast.ClassDef):
            methods = {child.name: child for child in found.node.body if isinstance(child, Function)}
            road.follow(Definition(where, methods[method]))
    shared = {name for name in road.entered if name.startswith("shared.")}
    return sorted(road.entered - shared), sorted(shared)
