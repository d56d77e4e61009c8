"""Every number of an advisory lock is in one table, once."""

import re

from deploy.local.table import ROOT
from shared.storage import locks

NUMBERS = {name: value for name, value in vars(locks).items() if name.isupper()}
NUMBERED = re.compile(r"advisory\w*\(\s*(\d+)")


def test_no_two_rules_share_a_number() -> None:
    assert len(set(NUMBERS.values())) == len(NUMBERS)
    assert all(number.isdecimal() for number in NUMBERS.values())


def test_code_takes_its_numbers_from_the_table_and_migrations_use_no_other() -> None:
    sources = [file for tree in ("gateway", "services", "shared") for file in (ROOT / tree).rglob("*.*")]
    found = {
        suffix: {number for file in sources if file.suffix == suffix for number in NUMBERED.findall(file.read_text())}
        for suffix in (".py", ".sql")
    }
    assert found[".py"] == set()
    assert found[".sql"] == {locks.AUTH_WATERMARKS}


def test_every_number_is_used() -> None:
    code = "".join(file.read_text() for tree in ("services", "shared") for file in (ROOT / tree).rglob("*.py"))
    used = set(re.findall(r"\blocks\.([A-Z_]+)", code))
    assert used == NUMBERS.keys() - {"AUTH_WATERMARKS"}
