"""The machine-readable contract and the page for people, made from what the services themselves say."""
