"""Runs corpora through the oracle and through headrace, compares, counts."""
