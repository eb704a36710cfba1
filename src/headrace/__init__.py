"""headrace: change data capture with Kafka Connect's interface, in Python."""

__version__ = "0.1.0"
