"""Scenarios of streaming through both PostgreSQL connectors: how one is run, and the form its records are compared in."""
