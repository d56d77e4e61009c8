"""HTTP: route entries, requests and answers, the identity of callers, fairness between them, revocations."""
