"""The labels of the fields of an area's forms, as its templates name them. For pages that show a form's values without the form."""

from functools import cache

from jinja2 import nodes

from services.console.pages import render

FIELDS = ("field", "area", "select", "boxes")


def _calls(template: str) -> dict[str, str]:
    """The key of the label of each field that the template makes with a macro of `ui.html`."""
    loader = render.TEMPLATES.loader
    assert loader is not None
    tree = render.TEMPLATES.parse(loader.get_source(render.TEMPLATES, template)[0])
    found: dict[str, str] = {}
    for call in tree.find_all(nodes.Call):
        made = call.node
        if not isinstance(made, nodes.Getattr) or made.attr not in FIELDS or len(call.args) < 2:
            continue
        name, label = call.args[:2]
        if not isinstance(name, nodes.Const) or not isinstance(label, nodes.Call) or not label.args:
            continue
        if isinstance(key := label.args[0], nodes.Const):
            found.setdefault(name.value, key.value)
    return found


@cache
def of_page(area: str, page: str) -> dict[str, str]:
    """The text key of each field's label. Where templates of the area differ, the one with the page's name decides."""
    folder = render.ROOT / area / "templates"
    files = sorted(folder.glob("*/*.html"), key=lambda file: (file.stem != page, file))
    found: dict[str, str] = {}
    for file in files:
        found = _calls(str(file.relative_to(folder))) | found
    return found
