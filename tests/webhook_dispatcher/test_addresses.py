"""The SSRF table: the targets that a webhook's URL may name, and every spelling of the forbidden ones."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.webhook_dispatcher.sending.addresses import Policy, RefusedTarget, forbidden, parse

PRODUCTION = Policy()
LOCAL = Policy.from_text("127.0.0.0/8, ::1/128")

REFUSED_ADDRESSES = [
    "0.0.0.0",  # noqa: S104 (refused, not bound)
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.0.1",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.31.196.1",
    "192.52.193.1",
    "192.88.99.1",
    "192.168.0.1",
    "192.175.48.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::169.254.169.254",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::8.8.8.8",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::",
    "2002:808:808::",
    "2620:4f:8000::1",
    "3fff::1",
    "2000::5efe:10.0.0.1",
    "2a00:1450:4009:80b:0:5efe:a00:1",
    "2a00:1450:4009:80b:200:5efe:127.0.0.1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fdff::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "4000::1",
]

REFUSED_URLS = [
    "https://2130706433/",
    "https://0x7f000001/",
    "https://017700000001/",
    "https://0x7f.1/",
    "https://127.1/",
    "https://127.0.1/",
    "https://0177.0.0.1/",
    "https://127.0.0.01/",
    "https://0x7f.0x0.0x0.0x1/",
    "https://127.0.0.1./",
    "https://0/",
    "https://0x/",
    "https://10.1/",
    "https://256.256.256.256/",
    "https://1.2.3.4.5/",
    "https://[::1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::]/",
    "https://[fe80::1%25eth0]/",
    "https://[fe80::1%eth0]/",
    "https://[v1.fe80]/",
    "https://[127.0.0.1]/",
    "https://[::1/",
    "https://localhost/",
    "https://metadata/",
    "https://localhost./",
    "https://a..b/",
    "https://-a.example/",
    "https://a-.example/",
    "https://127.0.0.1%00.example/",
    "https://127.0.0.1%2f.example/",
    "https://ⓛocalhost/",
    "https://127。0。0。1/",
    "https://①②⑦.⓪.⓪.①/",
    "https://user@integrator.example/",
    "https://integrator.example@127.0.0.1/",
    "https://127.0.0.1#@integrator.example/",
    "https://integrator.example#x",
    "https://127.0.0.1\\@integrator.example/",
    "https:\\\\integrator.example/",
    "https:/integrator.example/",
    "https:integrator.example",
    "//integrator.example/",
    "integrator.example",
    "http://integrator.example/",
    "ftp://integrator.example/",
    "file:///etc/passwd",
    "gopher://integrator.example/",
    "javascript:alert(1)",
    "https://integrator.example:80/",
    "https://integrator.example:22/",
    "https://integrator.example:/",
    "https://integrator.example:0/",
    "https://integrator.example:65536/",
    "https://integrator.example:-1/",
    "https://integrator.example:4a3/",
    "https://",
    "https:///path",
    "https://?a=b",
    "https://:443/",
]

ALLOWED_ADDRESSES = [
    "8.8.8.8",
    "1.1.1.1",
    "93.184.215.14",
    "100.63.255.255",
    "100.128.0.1",
    "172.15.255.255",
    "172.32.0.1",
    "198.17.255.255",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2a00:1450:4001:81b::200e",
    "2001:4860:4860::8888",
    "2400:cb00:2048:1::6814:155",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
]

ALLOWED_URLS = [
    "https://integrator.example/webhooks/argus",
    "https://integrator.example:443/",
    "https://integrator.example:8443/hook?a=b%20c",
    "https://xn--bcher-kva.example/",
    "https://INTEGRATOR.example/",
    "https://8.8.8.8/",
    "https://[2606:4700:4700::1111]/x",
    "https://127.0.0.1.integrator.example/",
    "https://a_b.example",
    "https://1.2.3.4.example/",
]


def test_the_tables_are_as_long_as_promised() -> None:
    assert len(set(REFUSED_ADDRESSES)) + len(set(REFUSED_URLS)) >= 100
    assert len(set(ALLOWED_ADDRESSES)) >= 10


@pytest.mark.parametrize("address", REFUSED_ADDRESSES)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert forbidden(ip_address(address)) is not None
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(RefusedTarget):
        PRODUCTION.check_url(f"https://{host}/hook")
    with pytest.raises(RefusedTarget):
        PRODUCTION.check_addresses(parse("https://integrator.example/"), [ip_address("8.8.8.8"), ip_address(address)])


@pytest.mark.parametrize("url", REFUSED_URLS)
def test_a_url_that_hides_an_address_or_leaves_https_is_refused(url: str) -> None:
    with pytest.raises(RefusedTarget):
        PRODUCTION.check_url(url)


@pytest.mark.parametrize("address", ALLOWED_ADDRESSES)
def test_a_public_address_is_allowed(address: str) -> None:
    assert forbidden(ip_address(address)) is None
    PRODUCTION.check_addresses(parse("https://integrator.example/"), [ip_address(address)])


@pytest.mark.parametrize("url", ALLOWED_URLS)
def test_a_public_url_is_allowed_without_looking_its_name_up(url: str) -> None:
    target = PRODUCTION.check_url(url)
    assert (target.url, target.scheme) == (url, "https")


@pytest.mark.parametrize("control", ["\n", "\r", "\t", "\0", " ", "\x7f", "\u2028", "\\"])
def test_a_url_with_a_character_someone_may_read_differently_is_refused(control: str) -> None:
    with pytest.raises(RefusedTarget, match="printable"):
        PRODUCTION.check_url(f"https://integrator.example/{control}x")


def test_a_url_of_more_than_2048_characters_is_refused() -> None:
    base = "https://integrator.example/"
    assert PRODUCTION.check_url(base + "x" * (2048 - len(base))).host == "integrator.example"
    with pytest.raises(RefusedTarget):
        PRODUCTION.check_url(base + "x" * (2049 - len(base)))


@pytest.mark.parametrize("url", ["http://127.0.0.1:9000/hook", "http://[::1]:9000/", "http://[::ffff:127.0.0.1]:80/"])
def test_inside_an_allowed_network_http_and_any_port_are_fine(url: str) -> None:
    assert LOCAL.check_url(url).scheme == "http"
    with pytest.raises(RefusedTarget):
        PRODUCTION.check_url(url)


def test_an_allowed_network_opens_nothing_outside_it() -> None:
    for url in ("http://8.8.8.8/", "https://8.8.8.8:9000/", "https://10.0.0.1/", "http://169.254.169.254/"):
        with pytest.raises(RefusedTarget):
            LOCAL.check_url(url)


def test_a_name_over_http_is_judged_by_where_it_leads() -> None:
    target = LOCAL.check_url("http://receiver.localhost:9000/")
    LOCAL.check_addresses(target, [ip_address("127.0.0.1")])
    with pytest.raises(RefusedTarget, match="https"):
        LOCAL.check_addresses(target, [ip_address("127.0.0.1"), ip_address("8.8.8.8")])


@pytest.mark.parametrize("text", ["127.0.0.1/8", "everything", "10.0.0.0/33"])
def test_allowed_networks_that_are_not_networks_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="WEBHOOK_ALLOWED_NETWORKS"):
        Policy.from_text(text)


def test_forbidden_networks_that_are_not_networks_are_refused() -> None:
    with pytest.raises(ValueError, match="WEBHOOK_FORBIDDEN_NETWORKS"):
        Policy.from_text("", "10.0.0.0/33")


@pytest.mark.parametrize(
    "url", ["https://[2a01:db8:7::1]/", "https://8.8.8.8/", "https://[64:ff9b::808:808]/", "https://[::ffff:8.8.8.8]/"]
)
def test_a_public_address_of_ours_is_refused(url: str) -> None:
    Policy().check_url(url)
    with pytest.raises(RefusedTarget, match="ours"):
        Policy.from_text("", "2a01:db8:7::/48, 8.8.8.0/24").check_url(url)


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_and_its_mapped_and_nat64_forms_get_one_verdict(address: object) -> None:
    verdict = forbidden(ip_address(str(address)))
    assert forbidden(ip_address(f"::ffff:{address}")) == verdict
    assert forbidden(ip_address(f"64:ff9b::{address}")) == verdict


@given(st.ip_addresses())
def test_nothing_python_calls_private_or_reserved_gets_through(address: object) -> None:
    checked = ip_address(str(address))
    if (
        checked.is_private
        or checked.is_loopback
        or checked.is_link_local
        or checked.is_multicast
        or checked.is_unspecified
    ):
        assert forbidden(checked) is not None


@given(st.text(max_size=80))
def test_no_text_makes_the_parser_fail_in_another_way(text: str) -> None:
    for url in (text, "https://" + text):
        try:
            target = PRODUCTION.check_url(url)
        except RefusedTarget:
            continue
        assert target.scheme == "https"
        assert target.port in (443, 8443)
