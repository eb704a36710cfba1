"""A source that polls tables by timestamp and id."""

from polling_source.connector import PollingSourceConnector
from polling_source.task import PollingSourceTask

__version__ = "1.0.0"
__all__ = ["PollingSourceConnector", "PollingSourceTask"]
