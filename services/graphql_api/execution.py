"""Runs a plan: graphql-core on Ariadne's schema, or the short cut where there is one; errors masked."""

import re
from inspect import isawaitable
from typing import Any

from graphql import ExecutionResult, GraphQLError, GraphQLSchema, execute

from services.graphql_api import errors, projection
from services.graphql_api.context import Context
from services.graphql_api.plans import Plan

VARIABLE = re.compile(r"Variable '\$(\w+)'(?: has invalid value at ([\w.\[\]]+))?")
MISSING = re.compile(r"to include required field '(\w+)'")
Answer = dict[str, Any]


async def run(schema: GraphQLSchema, plan: Plan, variables: dict[str, Any], context: Context) -> Answer:
    """The answer: `data`, and `errors` where something was refused or went wrong."""
    refuse_undeclared(plan, variables)
    if plan.projection is not None:
        answer = await projection.run(schema, plan.document, plan.projection, variables, context)
        if answer is not None:
            return answer
    running = execute(
        schema, plan.document.ast, context_value=context, variable_values=variables, hide_suggestions=True
    )
    result: Any = await running if isawaitable(running) else running
    return _answer(result)


def refuse_undeclared(plan: Plan, variables: dict[str, Any]) -> None:
    """A variable the document does not declare would be dropped silently. Raises BAD_USER_INPUT."""
    declared = {definition.variable.name.value for definition in plan.document.operation.variable_definitions or ()}
    if variables.keys() - declared:
        raise errors.bad_input("The document does not declare every variable that was sent.", declared=sorted(declared))


def _answer(result: ExecutionResult) -> Answer:
    if not result.errors:
        return {"data": result.data}
    described = [errors.document(_refusal(error), error.path) for error in result.errors]
    if all(error.path is None for error in result.errors):
        return {"errors": described}
    return {"data": result.data, "errors": described}


def _refusal(error: GraphQLError) -> errors.Refusal:
    if error.path is None:
        return _about_a_variable(error.message)
    if error.original_error is None and error.message.startswith("Argument "):
        return errors.bad_input("An argument that may not be null has no value.")
    return errors.refusal_of(error)


def _about_a_variable(message: str) -> errors.Refusal:
    """graphql-core's message quotes the value, which may be a secret: only the variable and the place in it are kept."""
    found, missing = VARIABLE.match(message), MISSING.search(message)
    extra = {}
    if found:
        place = found[1] + (found[2] or "") + (f".{missing[1]}" if missing else "")
        extra = {"variable": found[1], "at": place}
    return errors.bad_input("A variable is not of the type the document declares.", **extra)
