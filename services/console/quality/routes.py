"""The pages of the area `quality`."""

from services.console.pages.registry import Area, Page
from services.console.quality import views

AREA = Area("quality", 40)
SCOPE = views.INDICATORS
ONE, EXAMPLE = "/quality/indicators/{name}", {"name": "rosc_at_hospital"}
PAGES = [
    Page("indicators", "/quality", views.indicators, SCOPE, in_navigation=True),
    Page("print", "/quality/print", views.printed, SCOPE),
    Page("csv", "/quality/indicators.csv", views.as_csv, SCOPE, is_html=False),
    Page("indicator", ONE, views.indicator, SCOPE, examples=EXAMPLE),
    Page("encounters", ONE + "/encounters", views.encounters, views.RECORDS, examples=EXAMPLE),
]
