"""`docs/threat-model.md` names a test for each attack, and each test exists."""

import ast
import re

from deploy.local.table import ROOT

MODEL = (ROOT / "docs" / "threat-model.md").read_text()


def test_every_attack_that_was_tried_has_a_test() -> None:
    rows = MODEL.partition("## Attacks tried")[2].partition("\n## ")[0].splitlines()
    attacks = [row for row in rows if row.startswith("| ")][1:]
    assert len(attacks) >= 20
    assert [row for row in attacks if "`test_" not in row] == []


def test_every_test_that_the_threat_model_names_is_there() -> None:
    named = set(re.findall(r"`(test_\w+)`", MODEL))
    assert len(named) > 25
    there = {
        node.name
        for file in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert named <= there, f"nobody holds: {sorted(named - there)}"
