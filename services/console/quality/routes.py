"""The pages of the area `quality`."""

from services.console.pages.registry import Area, Page
from services.console.quality import views

AREA = Area("quality", 40)
SCOPE = "argus:acqi:read"
PAGES = [
    Page("indicators", "/quality", views.indicators, SCOPE, in_navigation=True),
    Page("print", "/quality/print", views.printed, SCOPE),
    Page("csv", "/quality/indicators.csv", views.as_csv, SCOPE, is_html=False),
    Page("indicator", "/quality/indicators/{name}", views.indicator, SCOPE, examples={"name": "rosc_at_hospital"}),
]
