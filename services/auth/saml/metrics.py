"""What the web process measures of reading SAML messages and metadata."""

from prometheus_client import Counter

readings = Counter(
    "saml_documents_read_total", "XML documents by outcome: read, refused, too_costly, busy", ["outcome"]
)
"""What the relay measures of SAML."""
from prometheus_client import Gauge
domains_missing = Gauge("saml_domains_missing", "Proven e-mail domains whose DNS record is gone")
