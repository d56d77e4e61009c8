"""Names, looked up at a DNS server of the test: connections go to its answers and to no other address."""

import asyncio
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

import pytest

from services.webhook_dispatcher.sending import addresses as addressing
from services.webhook_dispatcher.sending.addresses import Policy, UnknownName, create_resolver
from services.webhook_dispatcher.sending.client import Client, Outcome
from tests.support import name_server as name_servers
from tests.support.name_server import NameServer
from tests.support.receiver import Receiver, always, answer
from tests.support.waiting import wait_for


@pytest.fixture
def name_server() -> Iterator[NameServer]:
    with name_servers.running() as server:
        yield server


def post(name_server: NameServer, url: str, times: int = 1) -> list[Outcome]:
    async def run() -> list[Outcome]:
        names = create_resolver(name_server.setting)
        async with Client(Policy.from_text("127.0.0.1/32"), names) as client:
            return [(await client.post(url, {}, b"{}"))[0] for _ in range(times)]

    return asyncio.run(run())


def test_a_name_is_asked_for_both_families(name_server: NameServer) -> None:
    name_server.answers["receiver.example"] = [["8.8.8.8", "2606:4700:4700::1111"]]
    names = create_resolver(name_server.setting)
    addresses = asyncio.run(names.addresses("receiver.example"))
    assert addresses == [ip_address("8.8.8.8"), ip_address("2606:4700:4700::1111")]
    assert sorted(name_server.asked) == ["receiver.example A", "receiver.example AAAA"]


@pytest.mark.parametrize("known", [None, [[]]])
def test_a_name_that_does_not_exist_or_has_no_address_is_unknown(
    name_server: NameServer, known: list[list[str]] | None
) -> None:
    if known is not None:
        name_server.answers["receiver.example"] = known
    with pytest.raises(UnknownName):
        asyncio.run(create_resolver(name_server.setting).addresses("receiver.example"))


def test_loopback_names_never_leave_the_machine(name_server: NameServer) -> None:
    for name in ("localhost", "receiver.localhost"):
        assert asyncio.run(create_resolver(name_server.setting).addresses(name)) == [ip_address("127.0.0.1")]
        assert asyncio.run(create_resolver("").addresses(name)) == [ip_address("127.0.0.1")]
    assert name_server.asked == []


def test_a_name_that_rebinds_between_check_and_connect_gains_nothing(
    name_server: NameServer, receiver: Receiver
) -> None:
    name_server.answers["receiver.example"] = [["127.0.0.1"], ["169.254.169.254"]]
    [outcome] = post(name_server, f"http://receiver.example:{receiver.port}/")
    assert outcome.succeeded
    assert outcome.address == "127.0.0.1"
    assert len(name_server.asked) == 2


def test_a_name_that_rebinds_between_two_deliveries_is_refused(name_server: NameServer, receiver: Receiver) -> None:
    receiver.behaviour = always(answer(200, "connection: close\r\n"))
    name_server.answers["receiver.example"] = [["127.0.0.1"], ["127.0.0.1", "10.0.0.1"], ["::ffff:127.0.0.2"]]
    outcomes = post(name_server, f"http://receiver.example:{receiver.port}/", times=3)
    assert [outcome.succeeded for outcome in outcomes] == [True, False, False]
    assert all("address_refused" in (outcome.error or "") for outcome in outcomes[1:])
    assert receiver.connections == 1


def test_a_server_that_does_not_answer_is_a_dns_error_in_time(
    name_server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addressing, "LOOK_UP_SECONDS", 0.3)
    [outcome] = post(name_server, "http://silent.example/")
    assert outcome.error == "dns_error: its name servers did not answer"
    assert outcome.timed_out


def test_names_whose_servers_are_silent_keep_no_other_from_being_looked_up(name_server: NameServer) -> None:
    name_server.answers["receiver.example"] = [["8.8.8.8"]]

    async def look_up() -> tuple[list[Any], list[bool]]:
        names = create_resolver(name_server.setting)
        silent = [asyncio.create_task(names.addresses(f"silent-{number}.example")) for number in range(100)]
        await asyncio.to_thread(wait_for, lambda: len(name_server.ignored) == 100)
        found = await names.addresses("receiver.example")
        waiting = [not task.done() for task in silent]
        for task in silent:
            task.cancel()
        await asyncio.gather(*silent, return_exceptions=True)
        return found, waiting

    found, waiting = asyncio.run(look_up())
    assert found == [ip_address("8.8.8.8")]
    assert all(waiting)


def test_a_name_that_many_ask_for_at_the_same_time_is_looked_up_once_and_then_again(name_server: NameServer) -> None:
    name_server.answers["receiver.example"] = [["8.8.8.8"], ["1.1.1.1"]]

    async def look_up() -> list[Any]:
        names = create_resolver(name_server.setting)
        together = [names.addresses("receiver.example") for _ in range(20)]
        return [*await asyncio.gather(*together), await names.addresses("receiver.example")]

    *together, again = asyncio.run(look_up())
    assert together == [[ip_address("8.8.8.8")]] * 20
    assert again == [ip_address("1.1.1.1")]
    assert len(name_server.asked) == 4


def test_one_who_gives_up_does_not_end_the_question_for_the_others(name_server: NameServer) -> None:
    name_server.answers["receiver.example"] = [["8.8.8.8"]]

    async def look_up() -> Any:
        names = create_resolver(name_server.setting)
        impatient = asyncio.create_task(names.addresses("receiver.example"))
        patient = asyncio.create_task(names.addresses("receiver.example"))
        await asyncio.sleep(0)
        impatient.cancel()
        return await patient

    assert asyncio.run(look_up()) == [ip_address("8.8.8.8")]
