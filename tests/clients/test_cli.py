"""The command line without a platform: its manners, `verify`, the folder of its sign-ins, and its messages when nothing answers."""

import base64
import json
import os
import pty
import re
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from knogin import webhooks
from knogin.cli import completion, main, output
from knogin.cli.failures import failure_of
from knogin.cli.main import nearest, parser
from knogin.cli.output import printable
from knogin.cli.store import SignIn
from knogin.errors import APIError
from tests.clients.command_line import CommandLine
from tests.support.receiver import SECRET

pytestmark = pytest.mark.full

COMMANDS = [path.split() for path in dict(completion.words(parser())) if path]
LEAVES = [words for words in COMMANDS if words not in (["deliveries"], ["apps"], ["logs"])]
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def cli(tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path)


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    for name in ("KNOGIN_BASE_URL", "KNOGIN_TOKEN", "KNOGIN_CLIENT_ID", "KNOGIN_CLIENT_SECRET", "KNOGIN_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "knogin"


def stored(state: Path, **fields: Any) -> Path:
    """A sign-in whose token lives for an hour."""
    now = time.time()
    values: dict[str, Any] = {"base_url": NOWHERE, "client_id": "app_1", "access_token": "x"}
    values |= {"obtained_at": now, "expires_at": now + 3600} | fields
    state.mkdir(exist_ok=True)
    file = state / "default.json"
    file.touch(0o600)
    file.write_text(json.dumps(values))
    file.chmod(0o600)
    return file


@pytest.mark.parametrize("words", LEAVES, ids=" ".join)
def test_every_command_explains_itself_with_examples(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*words, "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert "examples:\n" in text
    assert f"knogin {words[0]}" in text
    assert "--json" in text


def test_nothing_given_is_help_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    shown = capsys.readouterr()
    assert not shown.out
    assert "COMMAND" in shown.err


@pytest.mark.parametrize(
    ("words", "near"),
    [
        (["delivries"], "deliveries"),
        (["deliveries", "lst"], "list"),
        (["deliveries", "list", "--statsu", "x"], "--status"),
        (["listne", "--to", "x"], "listen"),
    ],
)
def test_a_misspelt_word_gets_the_nearest_one(words: list[str], near: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert f"Did you mean {near}?" in capsys.readouterr().err


def test_both_ways_of_argparse_to_list_choices_are_read() -> None:
    """Python 3.11 quotes them."""
    assert nearest("argument COMMAND: invalid choice: 'lgin' (choose from 'login', 'logout')") == "login"
    assert nearest("argument COMMAND: invalid choice: 'lgin' (choose from login, logout)") == "login"
    assert nearest("argument COMMAND: invalid choice: 'zzzz' (choose from login, logout)") == ""


@pytest.mark.parametrize("words", [w for w in LEAVES if w[0] not in ("verify", "completion", "login")], ids=" ".join)
def test_without_a_sign_in_each_command_says_what_to_do(cli: CommandLine, words: list[str]) -> None:
    arguments = {"show": ["dlv_1"], "retry": ["dlv_1"], "recover": ["--since", "2h"]}.get(words[-1], [])
    arguments = ["--to", NOWHERE] if words == ["listen"] else [] if words[0] == "apps" else arguments
    done = cli.run(*words, *arguments, "--base-url", NOWHERE)
    if words in (["logout"], ["doctor"]):
        return
    assert done.code == 3, done
    assert "knogin login" in done.err
    assert not done.out
    assert "Traceback" not in done.err


def test_login_asks_for_the_app(cli: CommandLine) -> None:
    done = cli.run("login")
    assert done.code == 2
    assert "--client-id" in done.err


def test_a_platform_that_does_not_answer_is_code_4(cli: CommandLine) -> None:
    done = cli.run("login", "--client-id", "app_1", "--base-url", NOWHERE)
    assert done.code == 4
    assert NOWHERE in done.err
    assert "knogin doctor" in done.err


def test_the_remedy_of_a_refusal_fits_its_credentials(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = APIError("listApps", 401, {}, b'{"detail":"The token has ended.","trace_id":"4bf92f35"}')
    assert failure_of(refused, NOWHERE).remedy.splitlines() == [
        "The sign-in has ended or was revoked. Run: knogin login",
        "Trace for support: 4bf92f35",
    ]
    monkeypatch.setenv("KNOGIN_CLIENT_SECRET", "of the environment")
    remedy, trace = failure_of(refused, NOWHERE).remedy.splitlines()
    assert "KNOGIN_CLIENT_SECRET" in remedy
    assert "login" not in remedy
    assert trace == "Trace for support: 4bf92f35"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device here that is always full")
def test_a_full_disk_is_named(cli: CommandLine) -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "knogin", "doctor", "--base-url", NOWHERE]
        ended = subprocess.run(
            command, env=cli.environment, stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=300
        )
    assert ended.returncode != 0
    assert "No space left on device" in ended.stderr


def test_secrets_are_no_arguments() -> None:
    for words in dict(completion.words(parser())).values():
        assert not {"--secret", "--token", "--client-secret", "--password"} & set(words)


# --- The folder of sign-ins -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666])
def test_a_sign_in_that_others_can_read_is_refused(state: Path, mode: int, capsys: pytest.CaptureFixture[str]) -> None:
    stored(state).chmod(mode)
    assert main(["whoami"]) == 1
    shown = capsys.readouterr()
    assert "Others on this machine" in shown.err
    assert "chmod 600" in shown.err


def test_a_token_goes_only_to_the_platform_that_issued_it(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stored(state, base_url="http://127.0.0.1:8")
    assert main(["whoami", "--base-url", NOWHERE]) == 3
    assert "signed in at http://127.0.0.1:8" in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"base_url": 1}', b"\xff"])
def test_a_damaged_file_is_named(state: Path, content: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    file = stored(state)
    file.write_bytes(content)
    assert main(["whoami"]) == 1
    assert str(file) in capsys.readouterr().err


@pytest.mark.parametrize("name", ["../evil", "a/b", "", ".hidden", "x" * 65])
def test_a_profile_is_no_path(state: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["whoami", "--profile", name or " "]) == 2
    assert "no name of a profile" in capsys.readouterr().err
    assert not state.exists()


def test_a_token_is_read_from_standard_input_and_stored_for_its_owner_alone(cli: CommandLine) -> None:
    payload = base64.urlsafe_b64encode(json.dumps({"client_id": "app_1", "exp": int(time.time()) + 60}).encode())
    token = f"x.{payload.decode().rstrip('=')}.y"
    done = cli.run("login", "--with-token", "--base-url", NOWHERE, given=token + "\n")
    assert done.code == 0, done.err
    assert token not in done.out + done.err
    assert stat.S_IMODE(cli.file.stat().st_mode) == 0o600
    assert stat.S_IMODE(cli.file.parent.stat().st_mode) == 0o700
    assert cli.sign_in["access_token"] == token
    for wrong in ("", "not a token", "a.b.c", token + " more"):
        assert cli.run("login", "--with-token", "--base-url", NOWHERE, given=wrong).code == 2
    assert cli.run("logout", "--local").code == 0
    assert not cli.file.exists()


def test_a_token_is_fresh_for_four_fifths_of_its_life() -> None:
    now = time.time()
    base = {"base_url": NOWHERE, "access_token": "x"}
    assert SignIn(**base, obtained_at=now - 790, expires_at=now + 210).is_fresh
    assert not SignIn(**base, obtained_at=now - 810, expires_at=now + 190).is_fresh
    assert SignIn(**base, obtained_at=now - 810, expires_at=now + 190).lives
    assert not SignIn(**base, obtained_at=now - 810, expires_at=now).lives
    assert not SignIn(**base, obtained_at=now + 4000, expires_at=now + 8000).is_fresh
    assert "secret" not in repr(SignIn(base_url="b", client_id="c", access_token="secret", refresh_token="secret"))


# --- verify -----------------------------------------------------------------------------------------------------------

BODY = b'{"type":"of.tomorrow","timestamp":"2026-11-27T08:00:00Z","data":{}}'


def signed(body: bytes = BODY, at: int | None = None, secret: str = SECRET) -> list[str]:
    moment = int(time.time()) if at is None else at
    headers = {
        "Webhook-Id": "evt_1",
        "webhook-timestamp": str(moment),
        "webhook-signature": webhooks.signature(secret, "evt_1", moment, body),
    }
    return [f"{name}: {value}" for name, value in headers.items()]


def test_verify_accepts_what_the_platform_signed(tmp_path: Path, cli: CommandLine) -> None:
    (tmp_path / "body").write_bytes(BODY)
    (tmp_path / "headers").write_text("POST /hook HTTP/1.1\n" + "\n".join(signed()))
    (tmp_path / "secret").write_text(SECRET + "\n")
    files = ["--headers", str(tmp_path / "headers"), "--secret-file", str(tmp_path / "secret")]
    done = cli.run("verify", str(tmp_path / "body"), *files)
    assert (done.code, done.out) == (0, "valid  of.tomorrow  evt_1\n"), done.err
    piped = cli.run("verify", *files, "--json", given=BODY)
    assert piped.json["valid"] is True
    assert cli.run("verify", *files[:2], given=BODY, KNOGIN_WEBHOOK_SECRET=SECRET).code == 0


@pytest.mark.parametrize(
    ("body", "changed", "sent", "words"),
    [
        (BODY + b"\n", {}, 3, "line break"),
        (BODY, {"secret": "whsec_" + "A" * 32}, 3, "no signature fits"),
        (BODY, {"at": 1_700_000_000}, 3, "--any-age"),
        (BODY, {}, 2, "webhook-signature"),
    ],
)
def test_verify_says_which_check_fails(
    cli: CommandLine, tmp_path: Path, body: bytes, changed: dict[str, Any], sent: int, words: str
) -> None:
    (tmp_path / "secret").write_text(SECRET)
    given = [part for header in signed(**changed)[:sent] for part in ("--header", header)]
    done = cli.run("verify", *given, "--secret-file", str(tmp_path / "secret"), given=body)
    assert done.code == 1
    assert words in done.err
    assert not done.out
    assert SECRET not in done.err


def test_verify_of_an_old_capture(cli: CommandLine) -> None:
    given = [part for header in signed(at=1_700_000_000) for part in ("--header", header)]
    done = cli.run("verify", *given, "--any-age", given=BODY, KNOGIN_WEBHOOK_SECRET=SECRET)
    assert done.code == 0, done.err


def test_verify_without_a_secret_or_a_file_is_a_question(cli: CommandLine) -> None:
    given = [part for header in signed() for part in ("--header", header)]
    assert cli.run("verify", *given, given=BODY).code == 2
    assert cli.run("verify", "/nowhere", *given, KNOGIN_WEBHOOK_SECRET=SECRET).code == 2
    assert cli.run("verify", given=BODY, KNOGIN_WEBHOOK_SECRET=SECRET).code == 2


# --- Terminals --------------------------------------------------------------------------------------------------------


def on_a_terminal(cli: CommandLine, *words: str, **environment: str) -> str:
    """Everything that the command writes, where its output is a terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "knogin", *words],
        env=cli.environment | {"TERM": "xterm"} | environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    parts: list[bytes] = []
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:
            break
        if not part:
            break
        parts.append(part)
    process.wait()
    os.close(ours)
    return b"".join(parts).decode()


def test_colour_is_for_terminals_that_want_it(cli: CommandLine) -> None:
    words = ["doctor", "--base-url", NOWHERE]
    assert "\x1b[" in on_a_terminal(cli, *words)
    assert "\x1b[" not in on_a_terminal(cli, *words, NO_COLOR="1")
    assert "\x1b[" not in on_a_terminal(cli, *words, TERM="dumb")
    assert "\x1b[" not in on_a_terminal(cli, *words, "--no-color")
    piped = cli.run(*words)
    assert "\x1b[" not in piped.out + piped.err


def test_text_from_elsewhere_steers_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    hostile = "a\x1b]0;evil\x07b\x1b[2Jc\u202ed\rz"
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202e]", printable(hostile))
    shown = output.Output(as_json=False)
    shown.table(["x"], [[hostile]])
    shown.fields({"x": hostile})
    shown.line(hostile)
    shown.say(hostile)
    shown.json({"x": hostile + "\x9b2J"})
    written = capsys.readouterr()
    assert "\x1b" not in written.out + written.err
    assert "\x07" not in written.out + written.err
    assert "\x9b" not in written.out
    assert json.loads(written.out.splitlines()[-1])["x"] == hostile + "\x9b2J"
    assert "\r" not in written.out + written.err


def test_a_terminal_gets_our_colours_and_no_other_escape(cli: CommandLine) -> None:
    """A file name is text from elsewhere too."""
    shown = on_a_terminal(cli, "verify", "/no\x1b[2Jwhere\x1b]0;x\x07", "--header", "a: b", KNOGIN_WEBHOOK_SECRET="x")
    assert "\x1b[31m" in shown
    assert "\x1b[2J" not in shown
    assert "\x1b]" not in shown


def test_a_pipe_that_closes_early_ends_it_quietly(cli: CommandLine) -> None:
    command = f"{sys.executable} -m knogin completion bash | head -1"
    done = subprocess.run(["sh", "-c", command], env=cli.environment, capture_output=True, text=True, check=False)
    assert done.stdout == "_knogin() {\n"
    assert not done.stderr
    read, written = os.pipe()
    os.close(read)
    knogin = [sys.executable, "-m", "knogin"]
    for words in (["completion", "bash"], ["--version"], ["deliveries", "--help"]):
        closed = subprocess.run(
            [*knogin, *words], env=cli.environment, stdout=written, stderr=subprocess.PIPE, text=True, check=False
        )
        assert (closed.returncode, closed.stderr) == (141, "")
    os.close(written)


def test_the_script_for_bash_completes_commands_and_options(cli: CommandLine, tmp_path: Path) -> None:
    script = tmp_path / "completion.sh"
    script.write_text(cli.run("completion", "bash").out)
    for words, expected in (
        (["knogin", "deliv"], {"deliveries"}),
        (["knogin", "deliveries", "--quiet", "re"], {"retry", "recover", "replay"}),
        (["knogin", "deliveries", "list", "--st"], {"--status"}),
        (["knogin", "completion", "f"], {"fish"}),
    ):
        line = f"COMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}; _knogin; echo ${{COMPREPLY[@]}}"
        done = subprocess.run(["bash", "-c", f"source {script}; {line}"], capture_output=True, text=True, check=True)
        assert set(done.stdout.split()) == expected
    assert "complete -c knogin" in cli.run("completion", "fish").out
    assert "bashcompinit" in cli.run("completion", "zsh").out


def test_doctor_says_what_is_wrong_from_the_nearest_fault_on(cli: CommandLine) -> None:
    done = cli.run("doctor", "--base-url", NOWHERE, "--json")
    assert done.code == 1
    states = {finding["check"]: finding["state"] for finding in done.json}
    assert states["name"] == "ok"
    assert states["answer"] == "fail"
    assert states["the rest"] == "skip"
    lost = cli.run("doctor", "--base-url", "https://nowhere.invalid", "--json")
    assert {finding["check"]: finding["state"] for finding in lost.json}["name"] == "fail"
    assert cli.run("doctor", "--base-url", "ftp://x").code == 2
