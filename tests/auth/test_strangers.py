"""Strangers' guesses keep nobody out who signs in from a device of their own, and give nobody more guesses."""

import asyncio
import itertools
import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
from pyotp.totp import TOTP

from services.auth.signin import factors, metrics, passwords, throttle
from services.auth.signin.hashing import SLOW_REST, Hashing
from shared.fairness.places import NoPlace
from shared.primitives.crypto import Keyring
from tests.auth.federation import Connection
from tests.auth.support import PASSWORD, Auth, Browser
from tests.auth.test_operator import operate
from tests.auth.test_saml_enforced import enforce
from tests.auth.test_sign_in import choose, new_link
from tests.auth.test_sign_in import person as person
from tests.support.waiting import PATIENCE, wait_for

pytestmark = pytest.mark.full

SECOND = "/v1/auth/second-factor"
DEVICE = "__Host-knogin-device"
PASS = "__Host-knogin-pass"


def guess(auth: Auth, email: str, times: int, address: str = "") -> list[int]:
    """Wrong passwords, each from a browser that nobody knows; from one address, or from many."""
    browser, statuses = Browser(auth), []
    for number in range(times):
        browser = Browser(auth)
        browser.address = address or f"198.18.{number // 250}.{number % 250}"
        statuses.append(browser.sign_in({"email": email}, password="guess").status_code)
    return statuses


def exhaust_address(auth: Auth, address: str) -> None:
    for number in range(throttle.ADDRESS.capacity + 5):
        guess(auth, f"s{time.time_ns()}-{number}@x.example", 1, address)


def together(work: Callable[[int], Any], times: int) -> list[Any]:
    with ThreadPoolExecutor(times) as threads:
        return list(threads.map(work, range(times)))


def known_browser(auth: Auth, person: dict[str, Any]) -> Browser:
    browser = Browser(auth)
    assert browser.sign_in(person).status_code == 303
    return browser


def authenticator_of(auth: Auth, person: dict[str, Any]) -> TOTP:
    found = re.search(r"secret=([A-Z2-7]+)", operate(auth, "user", "second-factor", person["email"]))
    assert found is not None
    return TOTP(found[1])


def type_code(auth: Auth, browser: Browser, person: dict[str, Any], code: str) -> httpx2.Response:
    page = browser.sign_in(person)
    assert page.status_code == 200, page.text
    return browser.submit(page, SECOND, code=code)


# --- Addresses ---------------------------------------------------------------------------------------------------------------


def test_a_right_password_is_let_in_from_an_address_where_strangers_guess(auth: Auth, person: dict[str, Any]) -> None:
    exhaust_address(auth, "198.51.100.20")
    assert guess(auth, f"t{time.time_ns()}@x.example", 1, "198.51.100.20") == [429]
    for _ in range(3):
        here = Browser(auth)
        here.address = "198.51.100.20"
        assert here.sign_in(person).status_code == 303


def test_one_slip_at_such_an_address_is_forgiven_and_guessing_there_is_not(auth: Auth, person: dict[str, Any]) -> None:
    address = "198.51.100.21"
    exhaust_address(auth, address)
    assert guess(auth, person["email"], 1, address) == [429]
    here = Browser(auth)
    here.address = address
    assert here.sign_in(person).status_code == 303
    guess(auth, person["email"], 3, address)
    other = Browser(auth)
    other.address = address
    assert other.sign_in(person).status_code == 429


def test_an_address_over_its_limit_gives_no_more_guesses_at_an_account(auth: Auth, person: dict[str, Any]) -> None:
    """Whatever is let in from there, wrong ones still fill the account's own count."""
    exhaust_address(auth, "198.51.100.22")
    guess(auth, person["email"], 10, "198.51.100.22")
    level = auth.sql("SELECT max(level) FROM sign_in_counts WHERE key = %s", _account_key(auth, person["email"]))
    assert level[0][0] <= 2


def _account_key(auth: Auth, email: str) -> bytes:
    return throttle.account_key(Keyring.from_text(auth.settings.encryption_keys), email)


def test_counts_leak_all_the_time_and_not_only_after_a_pause(auth: Auth, person: dict[str, Any]) -> None:
    address = "198.51.100.23"
    assert guess(auth, person["email"], 7, address) == [401] * 6 + [429]
    for _ in range(3):
        # Refused tries in between do not keep the bucket full.
        assert guess(auth, person["email"], 2, address) == [429] * 2
        auth.sql("UPDATE sign_in_counts SET at = at - interval '61 seconds'")
        assert guess(auth, person["email"], 2, address) == [401, 429]


def test_signing_in_to_an_account_of_ones_own_gives_an_address_no_more_guesses(
    auth: Auth, person: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two sign-ins at once, both counted before either succeeds."""
    address = "198.51.100.24"
    exhaust_address(auth, address)
    run, arrived, both = Hashing.run, list[int](), asyncio.Event()

    async def together_with_the_other(hashing: Hashing, work: Any, path: Any, *, known: bool = False) -> Any:
        arrived.append(1)
        if len(arrived) == 2:
            both.set()
        await both.wait()
        return await run(hashing, work, path, known=known)

    def sign_in(number: int) -> int:
        browser = Browser(auth)
        browser.address = address
        return browser.sign_in(person).status_code

    with monkeypatch.context() as patched:
        patched.setattr(Hashing, "run", together_with_the_other)
        assert together(sign_in, 2) == [303, 303]
    assert guess(auth, f"u{time.time_ns()}@x.example", 1, address) == [429]


# --- Known devices -----------------------------------------------------------------------------------------------------------


def test_a_known_device_is_let_in_while_strangers_guess_at_the_account_from_everywhere(
    auth: Auth, person: dict[str, Any]
) -> None:
    mine = known_browser(auth, person)
    assert guess(auth, person["email"], 30)[-1] == 429
    guess(auth, person["email"], 30, mine.address)
    assert Browser(auth).sign_in(person).status_code == 429
    for _ in range(3):
        assert mine.sign_in(person).status_code == 303


def test_the_cookie_of_a_device_is_http_only_and_stored_as_a_mac(auth: Auth, person: dict[str, Any]) -> None:
    browser = Browser(auth)
    answer = browser.sign_in(person)
    cookie = next(line for line in answer.headers.get_list("set-cookie") if line.startswith(DEVICE))
    assert {"HttpOnly", "Secure", "Path=/", "SameSite=lax", "Max-Age=34560000"} <= set(cookie.split("; "))
    token = browser.cookies[DEVICE].encode()
    assert all(token not in bytes(mac) for (mac,) in auth.sql("SELECT device_mac FROM known_devices"))


def test_a_wrong_password_makes_no_device_known(auth: Auth, person: dict[str, Any]) -> None:
    browser = Browser(auth)
    browser.sign_in(person, password="guess")
    assert DEVICE not in browser.cookies
    totp = authenticator_of(auth, person)
    page = browser.sign_in(person)
    assert DEVICE not in browser.cookies
    assert browser.submit(page, SECOND, code=totp.now()).status_code == 303
    assert DEVICE in browser.cookies


def test_a_device_known_for_one_account_is_a_stranger_to_another(auth: Auth, person: dict[str, Any]) -> None:
    theirs = known_browser(auth, auth.other)
    guess(auth, person["email"], 30)
    assert theirs.sign_in(person).status_code == 429


def test_guessing_in_a_known_device_is_slowed_down_as_well(auth: Auth, person: dict[str, Any]) -> None:
    mine = known_browser(auth, person)
    statuses = [mine.sign_in(person, password="guess").status_code for _ in range(7)]
    assert statuses == [401] * 6 + [429]


@pytest.mark.parametrize("how", ["a new password", "ending all sessions", "another second factor"])
def test_devices_are_forgotten(auth: Auth, person: dict[str, Any], how: str) -> None:
    mine = known_browser(auth, person)
    if how == "a new password":
        owner = Browser(auth)
        assert choose(owner, owner.get(new_link(auth, person)), "another long password") == 200
    elif how == "ending all sessions":
        mine.submit(mine.get("/v1/auth/sessions"), "/v1/auth/sessions", end="all")
    else:
        operate(auth, "user", "second-factor", person["email"])
    known = "SELECT count(*) FROM known_devices JOIN users USING (user_id) WHERE email = %s"
    assert auth.sql(known, person["email"]) == [(0,)]
    guess(auth, person["email"], 30)
    assert mine.sign_in(person).status_code == 429


def test_a_person_has_so_many_known_devices_and_no_more(auth: Auth, person: dict[str, Any]) -> None:
    for _ in range(22):
        known_browser(auth, person)
    known = "SELECT count(*) FROM known_devices JOIN users USING (user_id) WHERE email = %s"
    assert auth.sql(known, person["email"]) == [(20,)]


# --- Second factors ----------------------------------------------------------------------------------------------------------


def test_wrong_codes_end_for_good_and_the_owners_device_goes_on(auth: Auth, person: dict[str, Any]) -> None:
    mine = known_browser(auth, person)
    totp = authenticator_of(auth, person)
    # The new factor made the device unknown; one full sign-in makes it known again.
    assert type_code(auth, mine, person, totp.at(int(time.time()) - 30)).status_code == 303
    for number in range(factors.MOST_WRONG_CODES):
        stranger = Browser(auth)
        stranger.address = f"198.19.7.{number}"
        assert type_code(auth, stranger, person, "000000x").status_code == 401
    stranger = Browser(auth)
    stranger.address = "198.19.8.1"
    stopped = type_code(auth, stranger, person, totp.now())
    assert stopped.status_code == 401
    assert "Too many wrong codes" in stopped.text
    auth.sql("UPDATE sign_in_counts SET at = at - interval '30 days'")
    stranger = Browser(auth)
    assert type_code(auth, stranger, person, totp.now()).status_code == 401
    noticed = type_code(auth, mine, person, totp.now())
    assert noticed.status_code == 200
    assert "20 wrong codes were typed" in noticed.text
    assert mine.get("/v1/auth/sessions").status_code == 200
    # The right code from a device of the owner's has let codes work everywhere again.
    assert type_code(auth, Browser(auth), person, totp.at(int(time.time()) + 30)).status_code == 303


def test_an_operator_unlocks_an_account(auth: Auth, person: dict[str, Any]) -> None:
    totp = authenticator_of(auth, person)
    auth.sql("UPDATE users SET wrong_codes = 20 WHERE email = %s", person["email"])
    assert type_code(auth, Browser(auth), person, totp.now()).status_code == 401
    guess(auth, person["email"], 30)
    assert Browser(auth).sign_in(person).status_code == 429
    operate(auth, "user", "unlock", person["email"])
    assert type_code(auth, Browser(auth), person, totp.now()).status_code == 303


def test_an_operators_new_factor_works_at_once(auth: Auth, person: dict[str, Any]) -> None:
    authenticator_of(auth, person)
    auth.sql("UPDATE users SET wrong_codes = 20 WHERE email = %s", person["email"])
    found = re.search(r"secret=([A-Z2-7]+)", operate(auth, "user", "second-factor", person["email"]))
    assert found is not None
    assert type_code(auth, Browser(auth), person, TOTP(found[1]).now()).status_code == 303


def test_codes_at_once_are_counted_before_they_are_looked_at(auth: Auth, person: dict[str, Any]) -> None:
    authenticator_of(auth, person)
    auth.sql("UPDATE users SET wrong_codes = 18 WHERE email = %s", person["email"])
    pages = [(browser := Browser(auth), browser.sign_in(person)) for _ in range(5)]
    answers: list[int] = []
    threads = [
        threading.Thread(target=lambda b=b, p=p: answers.append(b.submit(p, SECOND, code="000000x").status_code))
        for b, p in pages
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [401] * 5
    assert auth.sql("SELECT wrong_codes FROM users WHERE email = %s", person["email"]) == [(20,)]


def test_a_known_device_in_which_codes_are_guessed_is_known_no_more(auth: Auth, person: dict[str, Any]) -> None:
    totp = authenticator_of(auth, person)
    mine = Browser(auth)
    assert type_code(auth, mine, person, totp.now()).status_code == 303
    for _ in range(10):
        auth.sql("UPDATE sign_in_counts SET at = at - interval '1 hour'")
        assert type_code(auth, mine, person, "000000x").status_code == 401
    known = "SELECT count(*) FROM known_devices JOIN users USING (user_id) WHERE email = %s"
    assert auth.sql(known, person["email"]) == [(0,)]


def test_strangers_passwords_do_not_count_against_the_second_step(auth: Auth, person: dict[str, Any]) -> None:
    totp = authenticator_of(auth, person)
    mine = Browser(auth)
    page = mine.sign_in(person)
    guess(auth, person["email"], 30)
    assert mine.submit(page, SECOND, code=totp.now()).status_code == 303


# --- Breaking the glass ------------------------------------------------------------------------------------------------------


def test_the_break_glass_user_gets_in_where_strangers_guess_at_everyone(auth: Auth, works: Connection) -> None:
    assert enforce(works).status_code == 200
    exhaust_address(auth, "198.51.100.40")
    guess(auth, auth.demo["email"], 30, "198.51.100.40")
    guess(auth, auth.demo["email"], 30)
    here = Browser(auth)
    here.address = "198.51.100.40"
    assert here.sign_in(auth.demo).status_code == 303
    operate(auth, "user", "unlock", auth.demo["email"])


def test_guessing_at_the_break_glass_user_ends_too_and_is_counted(auth: Auth, works: Connection) -> None:
    mine = known_browser(auth, auth.demo)
    enforce(works)
    before = metrics.break_glass.labels("wrong")._value.get()
    statuses = guess(auth, auth.demo["email"], throttle.BREAK_GLASS_PAIR.capacity + 1, "198.51.100.41")
    assert statuses == [401] * throttle.BREAK_GLASS_PAIR.capacity + [429]
    assert metrics.break_glass.labels("wrong")._value.get() - before == throttle.BREAK_GLASS_PAIR.capacity
    assert mine.sign_in(auth.demo).status_code == 303
    operate(auth, "user", "unlock", auth.demo["email"])


def test_no_guesses_keep_the_break_glass_user_out_of_a_new_device(
    auth: Auth, works: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert enforce(works).status_code == 200
    monkeypatch.setattr(throttle, "BREAK_GLASS_ACCOUNT", throttle.Limit(4, 20))
    monkeypatch.setattr(throttle, "BREAK_GLASS_PAIR", throttle.Limit(2, 30))
    for number in range(6):
        guess(auth, auth.demo["email"], 2, f"203.0.113.{number}")
    assert guess(auth, auth.demo["email"], 2, "203.0.113.9") == [429, 429]
    for address in ("198.51.100.44", "203.0.113.9"):  # the person's own network, and one where strangers guess
        here = Browser(auth)
        here.address = address
        assert here.sign_in(auth.demo).status_code == 303
    operate(auth, "user", "unlock", auth.demo["email"])


def test_attempts_that_find_no_place_do_not_empty_the_count_of_the_break_glass_user(
    auth: Auth, works: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight guesses over the limit are counted before the first of them is given back. The next guesses are judged slowly too."""
    assert enforce(works).status_code == 200
    monkeypatch.setattr(throttle, "BREAK_GLASS_ACCOUNT", throttle.Limit(10, 1e6))
    guess(auth, auth.demo["email"], 12)
    at_once, waiting, fast, all_wait = 8, list[int](), list[int](), asyncio.Event()
    run = Hashing.run

    async def without_a_place(hashing: Hashing, work: Any, path: Any) -> Any:
        waiting.append(1)
        if len(waiting) == at_once:
            all_wait.set()
        await all_wait.wait()
        raise NoPlace

    async def counted(hashing: Hashing, work: Any, path: Any, *, known: bool = False) -> Any:
        fast.append(1)
        return await run(hashing, work, path, known=known)

    with monkeypatch.context() as patched:
        patched.setattr(Hashing, "run_slowly", without_a_place)
        patched.setattr(Hashing, "run", counted)
        assert together(lambda number: guess(auth, auth.demo["email"], 1, f"192.0.2.{number}"), at_once) == [[503]] * 8
        assert guess(auth, auth.demo["email"], at_once) == [503] * at_once
    assert fast == []
    operate(auth, "user", "unlock", auth.demo["email"])


def test_slow_checks_go_one_at_a_time_with_rests_and_networks_take_turns() -> None:
    async def scenario() -> None:
        hashing, spans = Hashing(2, 8), list[tuple[str, float, float]]()

        def check(name: str) -> Any:
            def work() -> None:
                began = time.monotonic()
                time.sleep(0.01)
                spans.append((name, began, time.monotonic()))

            return work

        flood = [asyncio.create_task(hashing.run_slowly(check("a"), ("", "", "a", "a"))) for _ in range(6)]
        await _settle()
        await hashing.run_slowly(check("b"), ("", "", "b", "b"))
        assert [name for name, _, _ in spans] in (["a", "b"], ["a", "a", "b"])
        await asyncio.gather(*flood)
        for (_, began, ended), (_, following, _) in itertools.pairwise(spans):
            assert following - ended >= (SLOW_REST - 1) * (ended - began)

    asyncio.run(scenario())


@pytest.mark.parametrize("slow", [True, False], ids=["over the limits", "the usual line full"])
def test_the_break_glass_user_is_let_in_while_more_networks_than_places_guess(
    auth: Auth, works: Connection, monkeypatch: pytest.MonkeyPatch, slow: bool
) -> None:
    """On a new device, in a browser in which somebody of the organisation signed in. A pass of another one gains nothing."""
    assert enforce(works).status_code == 200
    mine, theirs, nobody = Browser(auth), Browser(auth), Browser(auth)
    works.sign_in(mine)
    assert theirs.sign_in(auth.other).status_code == 303
    run, run_slowly, waited = Hashing.run, Hashing.run_slowly, list[str]()

    async def full_for_strangers(hashing: Hashing, work: Any, path: Any, *, known: bool = False) -> Any:
        if not known:
            raise NoPlace
        return await run(hashing, work, path, known=known)

    async def full_of_strangers(hashing: Hashing, work: Any, path: Any) -> Any:
        waited.append(path[0])
        if not path[0]:
            raise NoPlace
        return await run_slowly(hashing, work, path)

    monkeypatch.setattr(Hashing, "run", full_for_strangers)
    monkeypatch.setattr(Hashing, "run_slowly", full_of_strangers)
    if slow:
        monkeypatch.setattr(throttle, "BREAK_GLASS_ACCOUNT", throttle.Limit(0, 1e6))
    assert [browser.sign_in(auth.demo).status_code for browser in (nobody, theirs, mine)] == [503, 503, 303]
    assert waited == ["", "", auth.demo["tenant_id"]]
    operate(auth, "user", "unlock", auth.demo["email"])


def test_organisations_take_turns_with_all_strangers_together_and_displace_one_of_them() -> None:
    async def scenario() -> None:
        hashing, work = Hashing(2, 4), Work()
        strangers = [
            asyncio.create_task(hashing.run_slowly(work.of(name), ("", "", name, name)))
            for name in ("a", "b", "c", "d", "e")
        ]
        await _settle()
        one_more = asyncio.create_task(hashing.run_slowly(work.of("f"), ("", "", "f", "f")))
        await _settle()
        assert isinstance(one_more.exception(), NoPlace)
        mine = asyncio.create_task(hashing.run_slowly(work.of("mine"), ("org_1", "usr_1", "z", "z")))
        await _settle()
        assert sum(task.done() for task in strangers) == 1
        work.go.set()
        results = await asyncio.gather(*strangers, mine, return_exceptions=True)
        assert sum(isinstance(result, NoPlace) for result in results) == 1
        assert work.done.index("mine") <= 2

    asyncio.run(scenario())


def test_copies_of_one_pass_in_many_networks_keep_no_colleague_out(
    auth: Auth, works: Connection, person: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An insider's pass, in more networks than there are places, guesses at the break-glass user."""
    assert enforce(works).status_code == 200
    insider, mine = Browser(auth), Browser(auth)
    works.sign_in(insider)
    assert mine.sign_in(auth.demo).status_code == 303
    del mine.cookies[DEVICE]
    monkeypatch.setattr(throttle, "BREAK_GLASS_ACCOUNT", throttle.Limit(0, 1e6))
    run_slowly, small = Hashing.run_slowly, list[Hashing]()

    async def with_four_places(hashing: Hashing, work: Any, path: Any) -> Any:
        small.extend([] if small else [Hashing(1, 4)])
        return await run_slowly(small[0], work, path)

    def copy(number: int) -> int:
        browser = Browser(auth)
        browser.cookies, browser.address = {PASS: insider.cookies[PASS]}, f"198.18.{number}.1"
        return browser.sign_in(auth.demo, password="guess").status_code

    with monkeypatch.context() as patched, ThreadPoolExecutor(8) as threads:
        patched.setattr(Hashing, "run_slowly", with_four_places)
        flood = [threads.submit(copy, number) for number in range(6)]
        wait_for(lambda: small and small[0]._slow.waiting == 4)
        assert mine.sign_in(auth.demo).status_code == 303
        statuses = sorted(one.result() for one in flood)
    assert 503 in statuses  # the one who gave way, and who came while all places were taken
    operate(auth, "user", "unlock", auth.demo["email"])


def test_the_pass_of_a_disabled_user_gives_nothing(
    auth: Auth, works: Connection, person: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = known_browser(auth, person)
    assert enforce(works).status_code == 200
    monkeypatch.setattr(throttle, "BREAK_GLASS_ACCOUNT", throttle.Limit(0, 1e6))
    waited = list[tuple[str, ...]]()

    async def noting(hashing: Hashing, work: Any, path: Any) -> Any:
        waited.append(tuple(path[:2]))
        return False

    monkeypatch.setattr(Hashing, "run_slowly", noting)
    theirs.sign_in(auth.demo, password="guess")
    operate(auth, "user", "disable", person["email"])
    theirs.sign_in(auth.demo, password="guess")
    [(user_id,)] = auth.sql("SELECT user_id FROM users WHERE email = %s", person["email"])
    assert waited == [(auth.demo["tenant_id"], user_id), ("", "")]
    operate(auth, "user", "unlock", auth.demo["email"])


def test_copies_of_one_password_link_take_few_places_of_known_devices(
    auth: Auth, person: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    link, go_on, arrived, copies = new_link(auth, person), threading.Event(), list[int](), throttle.SESSION.capacity + 2
    pages = [(browser := Browser(auth), browser.get(link)) for _ in range(copies)]
    run = Hashing.run

    async def waiting(hashing: Hashing, work: Any, path: Any, *, known: bool = False) -> Any:
        arrived.append(1)
        await asyncio.to_thread(go_on.wait, PATIENCE)
        return await run(hashing, work, path, known=known)

    monkeypatch.setattr(Hashing, "run", waiting)
    with ThreadPoolExecutor(copies) as threads:
        asked = [threads.submit(choose, *page, "another long password") for page in pages]
        wait_for(lambda: sum(one.done() for one in asked) == 2 or len(arrived) == copies)
        go_on.set()
        statuses = sorted(one.result() for one in asked)
    assert statuses == [200] + [410] * (throttle.SESSION.capacity - 1) + [429] * 2


def test_no_flood_at_other_accounts_keeps_a_slow_check_waiting() -> None:
    async def scenario() -> None:
        hashing, work = Hashing(1, 3), Work()
        flood = [asyncio.create_task(hashing.run(work.of(name), (name, name))) for name in ("a", "b", "c")]
        await _settle()
        mine = asyncio.create_task(hashing.run_slowly(work.of("mine"), ("", "", "z", "z")))
        await _settle()
        work.go.set()
        await asyncio.gather(*flood, mine)
        assert work.done.index("mine") <= 2

    asyncio.run(scenario())


# --- Argon2 ------------------------------------------------------------------------------------------------------------------


class Work:
    """Something that takes as long as the test wants."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.done: list[str] = []

    def of(self, name: str) -> Any:
        def work() -> None:
            assert self.go.wait(PATIENCE)
            self.done.append(name)

        return work


async def _settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_hashing_is_bounded_and_one_address_cannot_take_every_place() -> None:
    async def scenario() -> None:
        hashing, work = Hashing(1, 4), Work()
        running = asyncio.create_task(hashing.run(work.of("first"), "a"))
        await _settle()
        flood = [asyncio.create_task(hashing.run(work.of(f"a{number}"), "a")) for number in range(6)]
        await _settle()
        assert [task.done() for task in flood] == [False] * 4 + [True] * 2
        other = asyncio.create_task(hashing.run(work.of("b"), "b"))
        known = asyncio.create_task(hashing.run(work.of("mine"), "c", known=True))
        await _settle()
        assert flood[3].done()
        work.go.set()
        results = await asyncio.gather(running, *flood, other, known, return_exceptions=True)
        assert [isinstance(result, NoPlace) for result in results] == [False] * 3 + [True] * 4 + [False] * 2
        assert work.done.index("mine") <= 2
        assert work.done.index("b") < work.done.index("a1")

    asyncio.run(scenario())


def test_places_are_free_again_whatever_becomes_of_those_who_waited() -> None:
    async def scenario() -> None:
        hashing, work = Hashing(1, 2), Work()
        running = asyncio.create_task(hashing.run(work.of("first"), "a"))
        await _settle()
        waiting = [asyncio.create_task(hashing.run(work.of(name), name)) for name in ("b", "c")]
        await _settle()
        waiting[0].cancel()
        await _settle()
        late = asyncio.create_task(hashing.run(work.of("d"), "d"))
        work.go.set()
        await asyncio.gather(running, waiting[1], late)
        assert work.done == ["first", "c", "d"]
        await asyncio.wait_for(hashing.run(work.of("last"), "a"), PATIENCE)

    asyncio.run(scenario())


def test_a_full_queue_of_passwords_is_503_and_costs_no_try(
    auth: Auth, person: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: Any, **__: Any) -> bool:
        raise NoPlace

    with monkeypatch.context() as patched:
        patched.setattr(Hashing, "run", full)
        browser = Browser(auth)
        answers = [browser.sign_in(person) for _ in range(8)]
    assert {answer.status_code for answer in answers} == {503}
    assert int(answers[0].headers["retry-after"]) > 0
    assert browser.sign_in(person).status_code == 303


# --- Which passwords ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "password",
    [
        "password1234",
        "password12345678",
        "qwertyuiopasdfgh",
        "knoginknogin1234",
        "letmeinletmeinletmein",
        "123456789012345",
        "P@ssw0rd2024!!!",
        "Demo Ambulance 2026",
        "demoambulance2026",
        "user@demo.example",
        "Aoife Brennan 1984",
    ],
)
def test_common_passwords_and_those_made_of_what_is_known_are_refused(password: str) -> None:
    context = ("user@demo.example", "Aoife Brennan", "Demo Ambulance")
    assert passwords.problem_with(password, context, second_factor=True) == "password_simple"


def test_without_a_second_factor_a_password_has_15_characters() -> None:
    assert passwords.problem_with("Xk9#mQ2$vL7pR4", (), second_factor=False) == "password_short"
    assert passwords.problem_with("Xk9#mQ2$vL7pR4w", (), second_factor=False) is None
    assert passwords.problem_with("Xk9#mQ2$vL7p", (), second_factor=True) is None
    assert passwords.problem_with("Xk9#mQ2$vL7", (), second_factor=True) == "password_shorter"
    assert passwords.problem_with(PASSWORD, (), second_factor=False) is None


def test_a_very_long_password_is_judged_quickly() -> None:
    began = time.process_time()
    assert passwords.problem_with("@$5!1|0(){}<>" * 19, (), second_factor=False) is None
    assert time.process_time() - began < 2  # as many spellings as there are take for ever


def test_a_short_password_does_not_stay_alone_when_the_second_factor_goes(auth: Auth, person: dict[str, Any]) -> None:
    totp = authenticator_of(auth, person)
    owner = Browser(auth)
    short = "Xk9#mQ2$vL7p"
    assert choose(owner, owner.get(new_link(auth, person)), short) == 200
    page = owner.sign_in(person, password=short)
    assert owner.submit(page, SECOND, code=totp.now()).status_code == 303
    page = owner.get("/v1/auth/authenticator")
    kept = owner.submit(
        page, "/v1/auth/authenticator", password=short, code=totp.at(int(time.time()) + 30), do="remove"
    )
    assert kept.status_code == 422
    assert "at least 15" in kept.text
