"""A lint for plain English: `python -m deploy.house.words` counts patterns that make a sentence hard to read.

It reads docstrings, comments, SQL comments and Markdown. `words.txt` holds the count of each file. A count may only shrink:
a file above its line fails, a file below it asks for `--lower`. Docstrings are found by their quotes at the start of a line,
which is the formatter's style, because parsing the tree would take seconds.
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
BASELINE = Path(__file__).with_name("words.txt")
FOLDERS = ("deploy", "docs", "gateway", "services", "shared", "tests", "clients", "README.md", "CONTRIBUTING.md")

PATTERNS = {
    "what": re.compile(r"\b(?:what|whatever|whoever)\b", re.IGNORECASE),
    "told": re.compile(r"\b(?:told|stands?|said|hears?|heard)\b", re.IGNORECASE),
}
"""The first pattern matches clauses that replace a noun. The second matches verbs of people in sentences about software."""
BEGINS = re.compile(r"(?:What|Whatever|Whoever)\b")
QUOTED = re.compile(r'^([^\n"]*)"""(.*?)"""', re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r"^[^\n'\"#]*#+ (.*)$", re.MULTILINE)
SQL_COMMENT = re.compile(r"-- (.*)$", re.MULTILINE)
# The words of such a file are counted where the contract has them from.
GENERATED = '"""Generated from the contract'
CODE_IN_PROSE = re.compile(r"```.*?```|`[^`\n]*`|\]\([^)]*\)", re.DOTALL)


class Text(NamedTuple):
    kind: str  # "docstring", "comment" or "prose"
    line: int
    text: str


class Match(NamedTuple):
    pattern: str
    kind: str
    line: int
    text: str


def files(changed_only: bool = False) -> list[Path]:
    """Tracked and new files below FOLDERS; with `changed_only` those that differ from HEAD."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", *FOLDERS]
    if changed_only:
        listing[2:3] = ["--modified"]
    names = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    found = (ROOT / name for name in sorted(set(names)) if name.endswith((".py", ".sql", ".md")))
    return [file for file in found if file.exists() and file.name != "glossary.md"]


def texts(file: Path) -> Iterator[Text]:
    """The passages of a file that people read, with the line each begins in."""
    source = file.read_text()
    if source.startswith(GENERATED):
        return
    if file.suffix == ".md":
        blanked = CODE_IN_PROSE.sub(lambda match: "\n" * match[0].count("\n"), source)
        yield from (Text("prose", number, line) for number, line in enumerate(blanked.split("\n"), 1))
        return
    if file.suffix == ".py":
        for match in QUOTED.finditer(source):
            if match[1].strip() in ("", "r"):
                yield Text("docstring", source.count("\n", 0, match.start(2)) + 1, match[2])
    for match in (COMMENT if file.suffix == ".py" else SQL_COMMENT).finditer(source):
        yield Text("comment", source.count("\n", 0, match.start(1)) + 1, match[1])


def matches(file: Path) -> Iterator[Match]:
    for kind, line, text in texts(file):
        for name, pattern in PATTERNS.items():
            for match in pattern.finditer(text):
                at = line + text.count("\n", 0, match.start())
                yield Match(name, kind, at, " ".join(text.split()))
        if kind == "docstring" and BEGINS.match(text.lstrip()):
            yield Match("begins", kind, line, " ".join(text.split()))


def baseline() -> dict[str, int]:
    """Matches that each file may have, by path; empty where there is no baseline yet."""
    if not BASELINE.exists():
        return {}
    rows = (line.split(" ") for line in BASELINE.read_text().splitlines())
    return {path: int(count) for count, path in rows}


def write(counts: dict[str, int]) -> None:
    BASELINE.write_text("".join(f"{count} {path}\n" for path, count in sorted(counts.items()) if count))


def check(counts: dict[str, int], allowed: dict[str, int]) -> list[str]:
    """One line for each file that has more matches than the baseline allows, with the lines where they are."""
    complaints: list[str] = []
    for path, count in counts.items():
        if count > allowed.get(path, 0):
            places = ", ".join(f"{match.line} ({match.pattern})" for match in matches(ROOT / path))
            complaints.append(f"{path}: {count} unclear phrases, {allowed.get(path, 0)} allowed; lines {places}")
    return complaints


def main() -> int:
    options = argparse.ArgumentParser(description="Counts unclear phrases and holds each file to its baseline.")
    options.add_argument("--changed", action="store_true", help="only files that differ from HEAD")
    options.add_argument("--lower", action="store_true", help="write smaller counts into the baseline")
    options.add_argument("--list", action="store_true", help="print every match with its place")
    wanted = options.parse_args()
    counts = {str(file.relative_to(ROOT)): sum(1 for _ in matches(file)) for file in files(wanted.changed)}
    if wanted.list:
        for path in counts:
            for match in matches(ROOT / path):
                sys.stdout.write(f"{path}:{match.line}: {match.kind} {match.pattern}: {match.text}\n")
        return 0
    if not BASELINE.exists():
        write(counts)
    allowed = baseline()
    complaints = check(counts, allowed)
    gone = [] if wanted.changed else [path for path in allowed if path not in counts]
    fewer = [path for path, count in counts.items() if count < allowed.get(path, 0)] + gone
    if wanted.lower:
        write({path: min(allowed[path], counts.get(path, 0 if path in gone else allowed[path])) for path in allowed})
    elif fewer:
        sys.stdout.write(f"{len(fewer)} files read better than their baseline: `make words` lowers it\n")
    if complaints:
        sys.stderr.write("\n".join(complaints) + "\nSay it with subject, verb and object: docs/glossary.md\n")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
