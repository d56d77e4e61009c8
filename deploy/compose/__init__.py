"""The containers' secrets, made once: `python -m deploy.compose`."""
