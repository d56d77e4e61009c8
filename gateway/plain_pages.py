"""Refusals at the console's host as small pages, since a person in a browser reads them. They load nothing and hold no script."""

import html

from gateway.docs import language, wants_html
from gateway.headers import Headers
from gateway.problems import Answer, Refusal, render

TEXTS = {
    "en": {
        "busy": "Too many requests come from here. Wait a moment, then load the page again.",
        "away": "The console is not available at the moment. Try again in a minute.",
        "other": "The console cannot answer this request.",
        "trace": "Trace id",
    },
    "it": {
        "busy": "Da qui arrivano troppe richieste. Attendi un momento, poi ricarica la pagina.",
        "away": "La console non è disponibile al momento. Riprova tra un minuto.",
        "other": "La console non può rispondere a questa richiesta.",
        "trace": "Identificativo della traccia",
    },
}
POLICY = b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"


def answer(refusal: Refusal, trace_id: str, fields: Headers) -> Answer:
    """The page in the browser's language, or the problem document for a program."""
    asked = {name: value.decode("latin-1") for name, value in fields}
    document = render(refusal, trace_id)
    if not wants_html(asked):
        return document
    spoken = language(b"", asked)
    texts = TEXTS[spoken]
    text = texts["busy" if refusal.status == 429 else "away" if refusal.status >= 500 else "other"]
    body = (
        f'<!doctype html><html lang="{spoken}"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Knogin</title><h1>{text}</h1><p>{texts['trace']}: {html.escape(trace_id)}</p></html>\n"
    ).encode()
    kept = [field for field in document.headers if field[0] not in (b"content-type", b"content-length")]
    own: Headers = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"content-security-policy", POLICY),
    ]
    return Answer(refusal.status, [*own, *kept], body)
