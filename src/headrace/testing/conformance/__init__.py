"""Conformance suites: tests for any connector, transform or converter. A subclass fills in a few hooks."""
