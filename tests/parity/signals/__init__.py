"""Signals: both connectors asked for snapshots beside the stream."""
