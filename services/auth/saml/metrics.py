"""Metrics of SAML: documents in the web process, domains in the relay."""

from prometheus_client import Counter, Gauge

from shared.process.metrics import begin

readings = begin(
    Counter("saml_documents_read_total", "XML documents by outcome", ["outcome"]),
    ["read", "refused", "too_costly", "busy"],
)
domains_missing = Gauge("saml_domains_missing", "Proven e-mail domains whose DNS record is gone")
