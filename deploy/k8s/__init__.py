"""Kubernetes: files written by hand, and files that `python -m deploy.k8s.build` writes from the table of services and the alerts."""
