"""The front page: what needs a decision, what fails, what expires, what was refused."""

from starlette.responses import Response

from services.console.overview.models import Apps
from services.console.pages.visit import Visit


async def front(visit: Visit) -> Response:
    apps = await visit.load("/v1/platform/apps", Apps, limit=20) if visit.may("platform:apps") else None
    return visit.page("overview/front.html", apps=apps)
