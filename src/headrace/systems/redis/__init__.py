"""The one door to Redis: where it is, how to connect, how to send many commands at once, what its errors mean."""

from headrace.systems.redis.connect import RedisLink, ReplyError
from headrace.systems.redis.errors import map_error, map_reply, reply_text
from headrace.systems.redis.resp import encode_command
from headrace.systems.redis.target import RedisTarget, parse_uri

__all__ = [
    "RedisLink",
    "RedisTarget",
    "ReplyError",
    "encode_command",
    "map_error",
    "map_reply",
    "parse_uri",
    "reply_text",
]
