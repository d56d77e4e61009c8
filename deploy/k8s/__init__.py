"""Kubernetes: what is written by hand, and what `python -m deploy.k8s.build` writes from the table of services and the alerts."""
