"""An identity provider on pysaml2, in a process and an environment of its own: `python pysaml2_provider.py <settings.json>`.

Settings: `port`, `key` and `certificate` (files), `metadata` (our metadata, a file), `email`, and `slo` where it has single logout.
"""

import json
import sys
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from wsgiref.simple_server import make_server

from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT  # pyright: ignore[reportMissingImports]
from saml2.config import IdPConfig  # pyright: ignore[reportMissingImports]
from saml2.saml import NAMEID_FORMAT_PERSISTENT, NameID  # pyright: ignore[reportMissingImports]
from saml2.server import Server  # pyright: ignore[reportMissingImports]

SETTINGS: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text())
BASE = f"http://127.0.0.1:{SETTINGS['port']}"
FORM = """<!doctype html><title>Directory</title><form method="post" action="/sso">{fields}<button>Sign in</button></form>"""


def configured() -> Any:
    described = {
        "entityid": f"{BASE}/metadata",
        "key_file": SETTINGS["key"],
        "cert_file": SETTINGS["certificate"],
        "metadata": {"local": [SETTINGS["metadata"]]},
        "service": {
            "idp": {
                "endpoints": {
                    "single_sign_on_service": [(f"{BASE}/sso", BINDING_HTTP_REDIRECT)],
                    "single_logout_service": [(f"{BASE}/slo", BINDING_HTTP_REDIRECT)],
                },
                "want_authn_requests_signed": True,
                "policy": {"default": {"name_form": "urn:oasis:names:tc:SAML:2.0:attrname-format:basic"}},
            }
        },
    }
    return Server(config=IdPConfig().load(described))


PROVIDER = configured()


def parameters(environ: Any) -> dict[str, str]:
    if environ["REQUEST_METHOD"] == "POST":
        text = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])).decode()
    else:
        text = environ["QUERY_STRING"]
    return {name: values[0] for name, values in parse_qs(text).items()}


def asked(given: dict[str, str]) -> Any:
    """The request, whose signature pysaml2 checks against our metadata."""
    request = PROVIDER.parse_authn_request(
        given["SAMLRequest"],
        BINDING_HTTP_REDIRECT,
        relay_state=given["RelayState"],
        sigalg=given["SigAlg"],
        signature=given["Signature"],
    )
    return request.message


def sign_in_form(given: dict[str, str]) -> str:
    asked(given)
    return FORM.format(
        fields="".join(f'<input type="hidden" name="{n}" value="{escape(v)}">' for n, v in given.items())
    )


def answer(given: dict[str, str]) -> str:
    message = asked(given)
    destination = PROVIDER.response_args(message, [BINDING_HTTP_POST])["destination"]
    response = PROVIDER.create_authn_response(
        identity={"mail": SETTINGS["email"], "displayName": "Anna Rossi", "groups": ["desk"]},
        in_response_to=message.id,
        destination=destination,
        sp_entity_id=message.issuer.text,
        name_id=NameID(format=NAMEID_FORMAT_PERSISTENT, text="a-7f2e"),
        authn={"class_ref": "urn:oasis:names:tc:SAML:2.0:ac:classes:Password", "authn_auth": BASE},
        sign_assertion=True,
        sign_response=True,
        sign_alg="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
        digest_alg="http://www.w3.org/2001/04/xmlenc#sha256",
    )
    bound = PROVIDER.apply_binding(BINDING_HTTP_POST, str(response), destination, given["RelayState"], response=True)
    return bound["data"]


def sign_out(given: dict[str, str]) -> str:
    """Where the browser goes on to, once the signature of the logout request holds."""
    request = PROVIDER.parse_logout_request(
        given["SAMLRequest"],
        BINDING_HTTP_REDIRECT,
        relay_state=given.get("RelayState"),
        sigalg=given["SigAlg"],
        signature=given["Signature"],
    )
    response = PROVIDER.create_logout_response(request.message, [BINDING_HTTP_REDIRECT])
    bound = PROVIDER.apply_binding(
        BINDING_HTTP_REDIRECT,
        str(response),
        response.destination,
        given.get("RelayState", ""),
        response=True,
        sign=True,
        sigalg="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    )
    return dict(bound["headers"])["Location"]


def application(environ: Any, start_response: Any) -> list[bytes]:
    path = environ["PATH_INFO"]
    if path == "/slo":
        start_response("303 See Other", [("Location", sign_out(parameters(environ)))])
        return []
    if path != "/sso":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"ready"]
    page = (answer if environ["REQUEST_METHOD"] == "POST" else sign_in_form)(parameters(environ))
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
    return [page.encode()]


if __name__ == "__main__":
    make_server("127.0.0.1", SETTINGS["port"], application).serve_forever()
