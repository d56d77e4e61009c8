"""Metrics of SAML: documents in the web process, domains in the relay."""

from prometheus_client import Counter, Gauge

readings = Counter(
    "saml_documents_read_total", "XML documents by outcome: read, refused, too_costly, busy", ["outcome"]
)
domains_missing = Gauge("saml_domains_missing", "Proven e-mail domains whose DNS record is gone")
