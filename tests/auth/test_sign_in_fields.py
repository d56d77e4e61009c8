"""Fields of the sign-in's pages can be filled by a password manager or by pasting (WCAG 2.2, 1.3.5 and 3.3.8)."""

import re
from pathlib import Path

import pytest

from deploy.local.table import ROOT

FOLDER = ROOT / "services" / "auth" / "signin"
TEMPLATES = sorted((FOLDER / "templates").glob("*.html"))
FIELD = re.compile(r"<input\b[^>]*>")
PURPOSES = {
    "email": {"username"},
    "password": {"current-password", "new-password"},
    "again": {"new-password"},
    "name": {"name"},
    "code": {"one-time-code", "off"},
    "user_code": {"off"},
}
"""The purposes of each field. A recovery code and the code of a device are of no kind that managers store."""


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda one: one.stem)
def test_each_field_names_its_purpose_and_takes_a_paste(template: Path) -> None:
    text = template.read_text()
    assert "onpaste" not in text
    for field in FIELD.findall(text):
        if 'type="hidden"' in field or 'type="submit"' in field:
            continue
        name = re.search(r'name="([a-z_]+)"', field)
        purpose = re.search(r'autocomplete="([a-z-]+)"', field)
        assert name is not None, field
        assert purpose is not None, field
        assert purpose[1] in PURPOSES[name[1]], field
