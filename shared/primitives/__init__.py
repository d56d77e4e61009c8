"""Encodings, ids, signatures and encryption. Imports nothing else of the platform."""
