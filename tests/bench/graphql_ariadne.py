"""The usual way, for comparison: Ariadne as in its documentation, with the same schema and the figures in memory."""

import os
from typing import Any

import uvicorn
from ariadne import QueryType, make_executable_schema
from ariadne.asgi import GraphQL
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from tests.bench.graphql_figures import FIGURES, SDL

query = QueryType()


@query.field("acqiMetrics")
def acqi_metrics(*_: object, **asked: object) -> list[dict[str, Any]]:
    return FIGURES


def livez(_: object) -> PlainTextResponse:
    return PlainTextResponse("alive")


app = Starlette(routes=[Route("/livez", livez), Mount("/graphql", GraphQL(make_executable_schema(SDL, query)))])

if __name__ == "__main__":
    uvicorn.run(
        app, port=int(os.environ["PORT"]), loop="uvloop", http="httptools", access_log=False, log_level="warning"
    )
