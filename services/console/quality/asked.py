"""The report for which an address asks: a period, the one to compare it with, and the words to search for."""

from datetime import UTC, date, datetime
from typing import NamedTuple

from services.console.pages.visit import Visit
from services.console.quality import periods
from services.console.quality.periods import Period, PeriodFault

NAMED = ("month", "quarter", "year")
COMPARED = ("before", "year")


class Asked(NamedTuple):
    """`fault` is the key of a text; the period is then the last quarter."""

    period: Period
    against: Period
    choice: str
    first: str
    last: str
    compared: str
    words: str
    fault: str

    @property
    def query(self) -> dict[str, str]:
        """The parameters of the address of the same report."""
        chosen = {"period": self.choice} | ({"from": self.first, "to": self.last} if self.choice == "months" else {})
        return chosen | ({"compare": self.compared} if self.compared != "before" else {})

    @property
    def query_against(self) -> dict[str, str]:
        """The parameters of the period that the report is compared with."""
        return months_of(self.against.start, self.against.last_month)


def months_of(first: date, last: date) -> dict[str, str]:
    """The parameters of the period from one month to another, both included."""
    return {"period": "months", "from": f"{first:%Y-%m}", "to": f"{last:%Y-%m}"}


def of(visit: Visit) -> Asked:
    today = datetime.now(UTC).date()
    choice = visit.query("period", (*NAMED, "months")) or "quarter"
    first, last = visit.query("from", most=10), visit.query("to", most=10)
    compared = visit.query("compare", COMPARED) or "before"
    period, fault = periods.named("quarter", today), ""
    try:
        period = periods.between(first, last, today) if choice == "months" else periods.named(choice, today)
    except PeriodFault as error:
        fault = str(error)
    against = period.before() if compared == "before" else period.a_year_before()
    if not fault:
        first, last = f"{period.start:%Y-%m}", f"{period.last_month:%Y-%m}"
    return Asked(period, against, choice, first, last, compared, visit.query("q", most=80), fault)
