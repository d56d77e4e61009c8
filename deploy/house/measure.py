"""`make house` measures how easily the code reads, and prints each figure beside its goal.

It counts words in docstrings like words.py, modules like hops.py and lines like `wc -l`. The goals come from starlette, warehouse,
procrastinate and polar, measured in the same way.
"""

import argparse
import ast
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

from deploy.house import hops, words

ROOT = words.ROOT
LONGEST_SUBJECT = 72
RUN = 8  # lines that count as a repetition
TREES = ("deploy", "gateway", "services", "shared")
TEST = re.compile(r"^\s*(?:async )?def test_", re.MULTILINE)

ROADS = {
    "create an encounter": ("services.epcr.encounters.endpoints:create_encounter",),
    "deliver a webhook": (
        "services.webhook_dispatcher.fanout.intake:Intake.fan_out",
        "services.webhook_dispatcher.sending.sender:run",
    ),
    "client-credentials token": ("services.auth.oauth.endpoints:token",),
    "ACQI query": (
        "services.graphql_api.transport.endpoints:graphql",
        "services.graphql_api.acqi.resolvers:acqi_metrics",
    ),
}
"""The function where each behaviour begins. A webhook has two: an event from the queue, a due delivery at the sender."""
MODULES_OF_SERVICE = {
    "create an encounter": 14,
    "deliver a webhook": 12,
    "client-credentials token": 10,
    "ACQI query": 12,
}
MODULES_OF_SHARED = 7
ANSWERS = "The console reads the answer of a public call into a Struct of its own, as every client does."
NAMED = {
    ("services/auth/apps/models.py", "services/console/apps/models.py"): ANSWERS,
    ("services/auth/people/models.py", "services/console/people/models.py"): ANSWERS,
    ("services/console/quality/report.py", "services/graphql_api/acqi/report.py"): ANSWERS,
    ("services/console/webhooks/models.py", "services/webhook_dispatcher/subscriptions/models.py"): ANSWERS,
}
"""Repetitions that stay, with the reason, by their two files: no service imports another."""


class Row(NamedTuple):
    measure: str
    value: str
    goal: str
    meets: bool


def sources(*trees: str) -> list[Path]:
    return sorted(file for tree in trees for file in (ROOT / tree).rglob("*.py"))


def lines(files: list[Path]) -> int:
    return sum(file.read_bytes().count(b"\n") for file in files)


def at_most(measure: str, value: float, goal: float, unit: str = "") -> Row:
    return Row(measure, f"{value:,.4g}{unit}" if value < 1000 else f"{value:,.0f}", f"≤ {goal:,g}{unit}", value <= goal)


def wording() -> Iterator[Row]:
    counts: Counter[str] = Counter()
    for file in sources(*TREES):
        for text in words.texts(file):
            if text.kind == "docstring":
                counts["docstrings"] += 1
                counts["words"] += len(text.text.split())
        counts.update(match.pattern for match in words.matches(file) if match.kind == "docstring")
    thousands = counts["words"] / 1000
    yield at_most("docstrings: headless what, per 1,000 words", counts["what"] / thousands, 2)
    yield at_most("docstrings: told, stands, said, hears, per 1,000 words", counts["told"] / thousands, 1.8)
    yield at_most(f"docstrings that begin with What (of {counts['docstrings']})", counts["begins"], 0)


def subjects(since: str) -> Iterator[Row]:
    log = subprocess.run(["git", "log", "--no-merges", "--format=%s", f"{since}..HEAD"], cwd=ROOT, capture_output=True)
    if log.returncode:
        yield Row(f"commit subjects since {since}", "no such commit here", "0", False)
        return
    found = log.stdout.decode().splitlines()
    long = sum(len(subject) > LONGEST_SUBJECT for subject in found)
    yield at_most(f"commit subjects > {LONGEST_SUBJECT} since {since} (of {len(found)})", long, 0)


def used_once(listed: list[str]) -> Row:
    """Private functions that their own file names once beside the definition; dunder methods do not count. Adds them to `listed`.

    Those that are passed as values, and never called by their name, cannot be written where they are used.
    """
    functions = passed = 0
    for file in sources(*TREES):
        nodes = list(ast.walk(ast.parse(file.read_text())))
        named = Counter(filter(None, map(_name, nodes)))
        called = {_name(node.func) for node in nodes if isinstance(node, ast.Call)}
        for node in nodes:
            if isinstance(node, hops.Function):
                functions += 1
                if node.name.startswith("_") and not node.name.endswith("__") and named[node.name] == 1:
                    is_passed = node.name not in called
                    passed += is_passed
                    size = (node.end_lineno or node.lineno) - node.lineno + 1
                    place = f"{file.relative_to(ROOT)}:{node.lineno}: {node.name}, {size} lines"
                    listed.append(f"{place}, passed as a value" if is_passed else place)
    text = f"private functions used once (of {functions:,}; {passed} are passed as values)"
    return at_most(text, 100 * len(listed) / functions, 10, " %")


def _name(node: ast.AST) -> str | None:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else None


def roads(listed: list[str]) -> Iterator[Row]:
    """Adds the modules of each road to `listed`."""
    for behaviour, starts in ROADS.items():
        service, shared = hops.entered(*starts)
        goal = MODULES_OF_SERVICE[behaviour]
        fits = len(service) <= goal and len(shared) <= MODULES_OF_SHARED
        listed += [f"{behaviour}: {module}" for module in (*service, *shared)]
        yield Row(f"modules: {behaviour}", f"{len(service)} + {len(shared)}", f"≤ {goal} + {MODULES_OF_SHARED}", fits)


def plain_lines(file: Path) -> list[tuple[int, str]]:
    """Numbered lines to compare: without blank lines, comments, imports and single brackets."""
    stripped = ((number, line.strip()) for number, line in enumerate(file.read_text().splitlines(), 1))
    return [(n, line) for n, line in stripped if len(line) > 3 and not line.startswith(("#", "import ", "from "))]


def repetitions() -> list[str]:
    """Places where two services share RUN or more lines in a row and that are not in NAMED, each as `a.py:10 ~ b.py:20`."""
    seen: dict[int, list[tuple[Path, int, int]]] = defaultdict(list)
    for file in sources("services", "gateway"):
        code = plain_lines(file)
        for place in range(len(code) - RUN + 1):
            window = hash(tuple(line for _, line in code[place : place + RUN]))
            seen[window].append((file, place, code[place][0]))
    starts = {
        (a, place_a, b, place_b): f"{a.relative_to(ROOT)}:{line_a} ~ {b.relative_to(ROOT)}:{line_b}"
        for places in seen.values()
        for (a, place_a, line_a), (b, place_b, line_b) in combinations(places, 2)
        if a.relative_to(ROOT).parts[:2] != b.relative_to(ROOT).parts[:2]
        and (str(a.relative_to(ROOT)), str(b.relative_to(ROOT))) not in NAMED
    }
    return [text for (a, i, b, j), text in starts.items() if (a, i - 1, b, j - 1) not in starts]


def sizes() -> Iterator[Row]:
    support = [
        file for file in sources("tests") if not file.name.startswith("test_") and not TEST.search(file.read_text())
    ]
    yield at_most("code lines outside tests", lines(sources(*TREES)), 41_704)
    yield at_most("support lines of tests (files without a test)", lines(support), 5000)
    yield at_most("lines of shared/", lines(sources("shared")), 3000)


def main(since: str, *, with_list: bool) -> None:
    """`with_list` also prints the private functions used once, and the modules of each road."""
    repeated = repetitions()
    listed: list[str] = []
    rows = [*wording(), *subjects(since), used_once(listed), *roads(listed)]
    rows += [
        at_most(f"repetitions of {RUN} lines between services, beside {len(NAMED)} named", len(repeated), 0),
        *sizes(),
    ]
    width = max(len(row.measure) for row in rows)
    for row in rows:
        sys.stdout.write(f"{row.measure:<{width}}  {row.value:>12}  {row.goal:>10}  {'' if row.meets else 'not yet'}\n")
    sys.stdout.write("".join(f"  repeated: {text}\n" for text in repeated))
    if with_list:
        sys.stdout.write("".join(f"  {text}\n" for text in listed))


if __name__ == "__main__":
    options = argparse.ArgumentParser(description="Measures how easily the code reads, beside the goals.")
    options.add_argument("since", nargs="?", default="6ecdc1f", help="the commit after which subjects are measured")
    options.add_argument(
        "--list", action="store_true", help="print private functions used once and the modules of each road"
    )
    wanted = options.parse_args()
    main(wanted.since, with_list=wanted.list)
