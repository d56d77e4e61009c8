"""The contract for machines and the page for people, both made from the services' routes."""
