"""What is proven is looked at again, and our own certificate is replaced without a failed sign-in."""

from typing import Any

import pytest
from lxml import etree

from services.auth.saml import domains
from services.auth.saml.documents import SIGNATURE, tag
from shared.storage.database import Connection as Worker
from tests.auth.federation import Connection
from tests.auth.support import Auth, Browser
from tests.auth.test_operator import operate
from tests.support.name_server import NameServer


def look(auth: Auth) -> None:
    with Worker.connect(auth.settings.worker_database_url or "") as conn:
        domains.look_again(conn, domains.create(auth.settings.dns_resolver))


def age(auth: Auth, works: Connection, days: float) -> None:
    auth.sql(
        "UPDATE saml_domains SET checked_at = coalesce(checked_at, verified_at) - make_interval(secs => %s),"
        " missing_since = missing_since - make_interval(secs => %s) WHERE domain = %s",
        days * 86_400,
        days * 86_400,
        works.domain,
    )


def status(works: Connection) -> Any:
    return works.call("GET", f"domains/{works.domain}").json()["status"]


def kinds(works: Connection) -> list[str]:
    return [event["reason"] for event in works.events()]


@pytest.fixture
def name(works: Connection) -> str:
    return works.call("GET", f"domains/{works.domain}").json()["dns_record"]["name"]


def test_a_domain_whose_record_is_gone_for_a_week_is_proven_no_more(
    auth: Auth, works: Connection, name_server: NameServer, name: str
) -> None:
    record = name_server.texts.pop(name)
    look(auth)
    assert kinds(works) == []  # looked at a moment ago
    age(auth, works, 1.1)
    look(auth)
    assert (status(works), kinds(works)) == ("proven", ["domain_record_missing"])
    age(auth, works, 3)
    look(auth)
    assert (status(works), kinds(works)) == ("proven", ["domain_record_missing"])
    age(auth, works, 5)
    look(auth)
    assert (status(works), kinds(works)) == ("claimed", ["domain_unproven", "domain_record_missing"])
    name_server.texts[name] = record
    assert works.call("POST", f"domains/{works.domain}/prove").json()["status"] == "proven"


def test_many_domains_of_one_organisation_leave_those_of_another_their_turn(
    auth: Auth, works: Connection, name_server: NameServer, name: str
) -> None:
    """Those that nobody looked at for the longest time came first, even all of one organisation."""
    ((tenant_id,),) = auth.sql("SELECT tenant_id FROM tenants WHERE tenant_id <> %s LIMIT 1", works.tenant["tenant_id"])
    auth.sql(
        "INSERT INTO saml_domains (tenant_id, domain, connection_id, token, verified_at) SELECT %s, 'x' || n || '.example',"
        " (SELECT connection_id FROM saml_connections LIMIT 1), 'x', '2001-01-01' FROM generate_series(1, %s) n",
        tenant_id,
        domains.PORTION,
    )
    age(auth, works, 1.1)
    name_server.texts.pop(name)
    look(auth)
    auth.sql("DELETE FROM saml_domains WHERE tenant_id = %s AND domain LIKE 'x%%'", tenant_id)
    assert kinds(works) == ["domain_record_missing"]


def test_a_record_that_comes_back_or_a_server_that_is_silent_changes_nothing(
    auth: Auth, works: Connection, name_server: NameServer, name: str
) -> None:
    record = name_server.texts[name]
    name_server.texts[name] = ["something else"]
    age(auth, works, 1.1)
    look(auth)
    name_server.texts[name] = None
    for _ in range(2):
        age(auth, works, 8)
        look(auth)
    assert status(works) == "proven"
    name_server.texts[name] = record
    age(auth, works, 1.1)
    look(auth)
    missing = auth.sql("SELECT missing_since FROM saml_domains WHERE domain = %s", works.domain)
    assert (status(works), missing) == ("proven", [(None,)])


def certificates_in_metadata(works: Connection) -> list[str]:
    root = etree.fromstring(Browser(works.auth).get(works.path("metadata")).content)
    return [element.text or "" for element in root.iter(tag(SIGNATURE, "X509Certificate"))]


def test_our_certificate_is_shown_before_it_is_used(auth: Auth, works: Connection) -> None:
    (before,) = certificates_in_metadata(works)
    pem = operate(auth, "saml", "next-certificate", works.id)
    assert operate(auth, "saml", "next-certificate", works.id) == pem
    shown = certificates_in_metadata(works)
    assert (shown[0], len(shown)) == (before, 2)
    assert shown[1] == "".join(pem.strip().splitlines()[1:-1])
    assert works.sign_in(Browser(auth)).status_code == 303
    operate(auth, "saml", "use-certificate", works.id)
    assert certificates_in_metadata(works) == [shown[1]]
    assert works.ask(Browser(auth)).parameters["Signature"]
    assert works.sign_in(Browser(auth)).status_code == 303
    actions = [action for (action,) in auth.sql("SELECT action FROM audit WHERE subject_id = %s ORDER BY id", works.id)]
    assert actions[-2:] == ["saml.certificate_made", "saml.certificate_used"]
