"""Pages state the defaults of the clients as the clients have them: the address that gets a secret, attempts, waits, time limits."""

import argparse
import io
import re
from collections.abc import Iterator
from contextlib import redirect_stdout

import httpx2
import pytest

import knogin
from deploy.local.table import ROOT
from knogin import _transport
from knogin.cli.main import main, parser
from tests.support.stack import Stack

pytestmark = pytest.mark.full

PYTHON, TYPESCRIPT = "clients/python/README.md", "clients/typescript/README.md"
GUIDES = "deploy/docs/guides"
SOURCES = ROOT / "clients" / "typescript" / "src"
NUMBERS = {"three": 3.0, "tre": 3.0}
SAMPLE = re.compile(r"\bKnogin\(")


def performed(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """Address, attempts and time limit of a call of the Python SDK without any setting."""
    for name in ("KNOGIN_BASE_URL", "KNOGIN_TOKEN", "KNOGIN_CLIENT_ID", "KNOGIN_CLIENT_SECRET"):
        monkeypatch.delenv(name, raising=False)
    sent: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        sent.append(request)
        return httpx2.Response(503, headers={"retry-after": "0"})

    http = httpx2.Client(transport=httpx2.MockTransport(answer))
    with knogin.Knogin(token="a", http=http) as client, pytest.raises(knogin.APIError):
        client.epcr.get_encounter("enc_1")
    return {
        "address": f"{sent[0].url.scheme}://{sent[0].url.host}",
        "host": sent[0].url.host,
        "attempts": len(sent),
        "retries": len(sent) - 1,
        "seconds": sent[0].extensions["timeout"]["read"],
        "first": _transport.FIRST_WAIT_SECONDS,
        "longest": _transport.LONGEST_WAIT_SECONDS,
        "asked": _transport.LONGEST_RETRY_AFTER_SECONDS,
        "renewed": _transport.RENEWED_AFTER * 100,
    }


def written() -> dict[str, object]:
    """The same of the TypeScript SDK, from its sources."""
    text = "".join(path.read_text() for path in sorted(SOURCES.glob("*.ts")))

    def number(pattern: str) -> float:
        [found] = re.findall(pattern, text)
        return float(found.replace("_", ""))

    retries = number(r"maxRetries = (\d+)")
    [address] = re.findall(r"production: '([^']+)'", text)
    return {
        "address": address,
        "host": address.partition("//")[2],
        "attempts": retries + 1,
        "retries": retries,
        "milliseconds": number(r"const TIMEOUT = ([\d_]+)"),
        "first": number(r"const FIRST_WAIT = ([\d_]+)") / 1000,
        "longest": number(r"const LONGEST_WAIT = ([\d_]+)") / 1000,
        "asked": number(r"const LONGEST_RETRY_AFTER_SECONDS = ([\d_]+)"),
        "renewed": number(r"const RENEWED_AFTER = ([\d.]+)") * 100,
    }


WAITS = (
    r"tried up to (?P<attempts>\w+) times \(`max_?[rR]etries(?:=|: )(?P<retries>\d+)`\), "
    r"with waits that grow from (?P<first>[\d.]+) to (?P<longest>\d+) s"
)
ASKED = r"`Retry-After` is obeyed up to\s+(?P<asked>\d+) s"
STATEMENTS = [
    (PYTHON, r"Without `base_url` and `KNOGIN_BASE_URL` the client calls production, `(?P<address>[^`]+)`"),
    (PYTHON, WAITS),
    (PYTHON, ASKED),
    (PYTHON, r"`timeout=` is in seconds, for each attempt \((?P<seconds>\d+)\)"),
    (PYTHON, r"renewed after (?P<renewed>\d+) % of its life"),
    (TYPESCRIPT, r"Without `baseUrl` and `KNOGIN_BASE_URL` the client calls production, `(?P<address>[^`]+)`"),
    (TYPESCRIPT, WAITS),
    (TYPESCRIPT, ASKED),
    (TYPESCRIPT, r"`timeout` is in milliseconds, for each attempt \((?P<milliseconds>[\d,]+)\)"),
    (TYPESCRIPT, r"renewed after (?P<renewed>\d+) % of its life"),
    (f"{GUIDES}/en/first-call.md", r"they call production, `(?P<host>[^`]+)`"),
    (f"{GUIDES}/it/first-call.md", r"chiamano la produzione, `(?P<host>[^`]+)`"),
    (f"{GUIDES}/en/errors-and-retries.md", r"SDKs do exactly this, up to (?P<attempts>\w+) attempts"),
    (f"{GUIDES}/en/errors-and-retries.md", r"Wait (?P<first>[\d.]+) s, 1 s, 2 s … up to (?P<longest>\d+) s"),
    (f"{GUIDES}/it/errors-and-retries.md", r"(?P<attempts>\w+) tentativi in tutto"),
    (f"{GUIDES}/it/errors-and-retries.md", r"(?P<first>[\d,]+) s, 1 s, 2 s … fino a (?P<longest>\d+) s"),
]


def test_each_statement_about_a_default_is_what_the_clients_do(monkeypatch: pytest.MonkeyPatch) -> None:
    python, typescript = performed(monkeypatch), written()
    faults = []
    for name, pattern in STATEMENTS:
        found = re.search(pattern, (ROOT / name).read_text())
        if found is None:
            faults.append(f"{name} no longer says: {pattern}")
            continue
        clients = [typescript] if name == TYPESCRIPT else [python] if name == PYTHON else [python, typescript]
        for thing, text in found.groupdict().items():
            for client in clients:
                said = NUMBERS.get(text, text)
                if thing not in ("address", "host"):
                    decimal = str(said).replace(",", "." if "/it/" in name else "")
                    said = float(decimal)
                if said != client[thing]:
                    faults.append(f"{name} says {thing} {text}, a client does {client[thing]}")
    assert faults == [], "\n".join(faults)


def options(command: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Those of a command and of the commands below it."""
    for action in command._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from options(below)


def test_the_help_of_the_command_line_states_its_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    performed_now = performed(monkeypatch)
    printed = io.StringIO()
    with redirect_stdout(printed), pytest.raises(SystemExit):
        main(["--help"])
    assert str(performed_now["address"]) in "".join(printed.getvalue().split())
    stated = [
        (one.dest, found[1], str(one.default))
        for one in options(parser())
        if one.default not in (None, argparse.SUPPRESS, [], False)
        and (found := re.search(r"\(default:? ([^)]+)\)", one.help or ""))
    ]
    assert {dest for dest, _, _ in stated} >= {"limit", "per_second", "on_error"}
    assert [one for one in stated if one[1] != one[2]] == []


def test_no_page_of_a_platform_calls_it_production_and_every_sample_calls_the_platform_itself(stack: Stack) -> None:
    api = f"http://localhost:{stack.port}"
    faults = []
    with stack.client("docs") as client:
        pages = re.findall(r"\((/api/docs/en/[^)]+\.md)\)", client.get("/api/docs/llms.txt").text)
        assert len(pages) > 100
        for page in [*pages, *(page.replace("/en/", "/it/") for page in pages)]:
            text = client.get(page).text
            for sentence in re.split(r"(?<=[.:])\s", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)):
                if re.search(r"\b(production|produzione)\b", sentence) and api in sentence:
                    faults.append(f"{page}: {sentence}")
            for block in re.findall(r"^```(?:python|ts)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
                if SAMPLE.search(block) and api not in block:
                    faults.append(f"{page}: a sample that calls another platform: {block[:120]}")
    assert faults == [], "\n".join(faults)
