"""Signals: what an operator asks of a running source, how it arrives and what it says. Nothing here knows a database."""
