"""Inputs for both sides, one module per area; they import nothing but tests.parity.forms. See ../README.md."""
