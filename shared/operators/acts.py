"""The relay carries out the acts that operators asked for, each at most once, under the worker's role and with the operator's commands."""

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from psycopg.rows import class_row

from shared.messaging import dead_letters
from shared.messaging.authenticity import Refusal
from shared.operators import queries
from shared.operators.models import Action, ActRefused, Asked, ConsumerBacklog, Figure, Figures, State
from shared.primitives.ids import PLATFORM_TENANT
from shared.process import telemetry
from shared.storage import audit, jobs
from shared.storage.database import Connection, is_outage, set_tenant
from shared.storage.jobs import Periodic
from shared.web import http
from shared.web.identity import Caller

OPERATOR = "operator"
MOST_AT_ONCE = 20
SHORTEST_AGE = 0.0
log = logging.getLogger(__name__)


Handler = Callable[[Connection, Asked], str | None]
"""Carries an act out in the transaction, which no tenant is set in. Returns a sentence about the rest of the work, if there is any.

Raises ActRefused."""
Revive = Callable[[str], bool]


def periodic(
    handlers: Mapping[Action, Handler],
    revive: Revive | None,
    own: Callable[[Connection], Mapping[str, float]] | None,
) -> list[Periodic]:
    """The jobs of operators that every service's relay has. `revive` applies a dead letter, `own` are the service's own figures."""
    every: dict[Action, Handler] = {"dead_letter.discard": discard, **handlers}
    if revive is not None:
        every["dead_letter.replay"] = partial(replay, revive)
    return [
        Periodic(
            "carry out acts of operators",
            1,
            partial(carry_out, every),
            lane="operators",
            behind="a run takes the acts that wait; the operator sees each on the page of the act",
            rest_seconds=5,
        ),
        Periodic("measure for operators", 30, partial(measure, own), lane="operators", behind="a measurement"),
    ]


def carry_out(handlers: Mapping[Action, Handler], conn: Connection) -> int:
    """Carries out the acts that wait, each in a transaction of its own. Returns their number."""
    with conn.cursor(row_factory=class_row(Asked)) as cursor:
        for asked in cursor.execute(queries.INTERRUPT).fetchall():
            _record(conn, asked, "interrupted", None)
        conn.commit()
        for number in range(MOST_AT_ONCE):
            asked = cursor.execute(queries.CLAIM).fetchone()
            # Committed before the act: one that ends its process is not tried again.
            conn.commit()
            if asked is None:
                return number
            _carry_out(handlers, conn, asked)
    return MOST_AT_ONCE


def _carry_out(handlers: Mapping[Action, Handler], conn: Connection, asked: Asked) -> None:
    state: State = "refused"
    try:
        handler = handlers.get(asked.action)
        if handler is None:
            raise ActRefused(f"this service does not do {asked.action}")
        with conn.transaction():
            _end(conn, asked, "done", handler(conn, asked))
        return
    except ActRefused as refused:
        outcome = str(refused)
    except Exception as error:  # any error of one act must not stop the others
        if is_outage(error):
            raise
        state, outcome = "failed", telemetry.describe(error)
        log.error("the act %s failed: %s", asked.id, outcome)
    with conn.transaction():
        _end(conn, asked, state, outcome)


def _end(conn: Connection, asked: Asked, state: State, outcome: str | None) -> None:
    _record(conn, asked, state, outcome)
    conn.execute(queries.END, (state, outcome, asked.id))


def _record(conn: Connection, asked: Asked, state: State, outcome: str | None) -> None:
    """The result in the platform's own trail, in the name of the operator who asked."""
    set_tenant(conn, PLATFORM_TENANT)
    who = Caller(tenant_id=PLATFORM_TENANT, client_id=asked.client_id, subject=asked.asked_by)
    detail = {"action": asked.action, "subject": asked.subject_id} | ({"outcome": outcome} if outcome else {})
    conn.execute(audit.RECORD, audit.entry(who, f"operator_act.{state}", asked.id, detail))


def note(conn: Connection, tenant_id: str, action: str, asked: Asked, detail: Mapping[str, Any] | None = None) -> None:
    """An entry in the trail of the organisation that the act concerns. It names no operator."""
    set_tenant(conn, tenant_id)
    who = Caller(tenant_id=tenant_id, client_id=OPERATOR)
    conn.execute(audit.RECORD, audit.entry(who, action, asked.subject_id, asked.why | dict(detail or {})))


# --- Dead letters -----------------------------------------------------------------------------------------------------


def _letter(conn: Connection, asked: Asked) -> tuple[str, str]:
    row = conn.execute(queries.TENANT_OF_DEAD_LETTER, (asked.subject_id,)).fetchone()
    if row is None:
        raise ActRefused(f"there is no dead letter {asked.subject_id}")
    return row


def replay(revive: Revive, conn: Connection, asked: Asked) -> None:
    """Applies the message now, in a transaction of its own. If it fails again, it stays a dead letter."""
    tenant_id, name = _letter(conn, asked)
    try:
        revived = revive(asked.subject_id)
    except Refusal as refusal:
        raise ActRefused(f"its producer cannot have sent this message ({refusal})") from refusal
    except Exception as error:
        if is_outage(error):
            raise
        raise ActRefused(f"the message failed again: {telemetry.describe(error)}") from error
    if not revived:
        raise ActRefused(f"there is no dead letter {asked.subject_id}")
    note(conn, tenant_id, "dead_letter.replayed", asked, {"message": name})


def discard(conn: Connection, asked: Asked) -> None:
    """Deletes the message without its effect."""
    tenant_id, name = _letter(conn, asked)
    dead_letters.take(conn, asked.subject_id)
    note(conn, tenant_id, "dead_letter.discarded", asked, {"message": name})


# --- Figures ----------------------------------------------------------------------------------------------------------


def measure(own: Callable[[Connection], Mapping[str, float]] | None, conn: Connection) -> None:
    """Stores the figures of the backlog, for every web process to show."""
    rows = conn.execute(jobs.WAITING, (jobs.COUNTED,)).fetchall()
    failing, dead = conn.execute(queries.MEASURE).fetchone() or (0, 0)
    unsealed, age = audit.waiting(conn)
    figures = Figures(
        consumers=[
            ConsumerBacklog(
                consumer=consumer,
                waiting=waiting,
                oldest_seconds=_age(oldest),
                unsent_seconds=_age(unsent),
            )
            for consumer, oldest, unsent, waiting in rows
        ],
        failing_messages=failing,
        dead_letters=dead,
        unsealed_entries=unsealed,
        unsealed_seconds=_age(age),
        own=[Figure(name, float(value)) for name, value in (own(conn) if own is not None else {}).items()],
    )
    conn.execute(queries.STORE_FIGURES, (http.encode(figures).decode(),))


def _age(seconds: float | None) -> float:
    return max(SHORTEST_AGE, round(seconds or 0.0, 3))
