"""The pages of the front."""

from services.console.overview import views
from services.console.pages.registry import Area, Page

AREA = Area("overview", 0)
PAGES = [Page("front", "/", views.front, in_navigation=True)]
