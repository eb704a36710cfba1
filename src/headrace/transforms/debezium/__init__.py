"""Debezium's transforms of change events, under their original names and settings."""
