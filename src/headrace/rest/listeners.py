"""`listeners` and `admin.listeners`: parsed, and bound before anything is served."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from headrace.errors import ConfigException, ConnectException

LISTENERS_KEY: Final = "listeners"
ADMIN_LISTENERS_KEY: Final = "admin.listeners"
DEFAULT_LISTENERS: Final = "http://:8083"
_LISTENER: Final = re.compile(
    r"(?P<scheme>[a-zA-Z]+)://(?:\[(?P<v6>[^\]]+)\]|(?P<host>[^:/\[\]]*)):(?P<port>\d{1,5})/?"
)
_BACKLOG: Final = 128


@dataclass(frozen=True, slots=True)
class Listener:
    """One address. `host` empty = all interfaces; `port` 0 = any free one; `admin`: serves the admin paths only."""

    scheme: str
    host: str
    port: int
    key: str = LISTENERS_KEY
    admin: bool = False

    def url(self, sock: socket.socket) -> str:
        """The address clients on this machine can use, with the port really bound."""
        host = self.host if self.host not in ("", "0.0.0.0", "::") else "localhost"
        return f"{self.scheme}://{f'[{host}]' if ':' in host else host}:{sock.getsockname()[1]}"


def parse_listeners(settings: Mapping[str, str]) -> list[Listener]:
    """Public listeners first, then the admin ones. ConfigException for an address that is none, or a protocol unknown."""
    public = [item.strip() for item in settings.get(LISTENERS_KEY, DEFAULT_LISTENERS).split(",") if item.strip()]
    if not public:
        raise ConfigException(
            f"Configuration {LISTENERS_KEY} is empty.",
            field=LISTENERS_KEY,
            remedy=f"Use for example {DEFAULT_LISTENERS}.",
        )
    admin = [item.strip() for item in settings.get(ADMIN_LISTENERS_KEY, "").split(",") if item.strip()]
    found = [_parse(LISTENERS_KEY, item, admin=False) for item in public]
    for item in admin:
        listener = _parse(ADMIN_LISTENERS_KEY, item, admin=True)
        if any((listener.host, listener.port) == (other.host, other.port) and other.port for other in found):
            raise ConfigException(
                f"Configuration {ADMIN_LISTENERS_KEY} repeats the address {item} of {LISTENERS_KEY}.",
                field=ADMIN_LISTENERS_KEY,
                remedy=f"Leave {ADMIN_LISTENERS_KEY} out to serve the admin paths on the same listener.",
            )
        found.append(listener)
    return found


def _parse(key: str, text: str, *, admin: bool) -> Listener:
    found = _LISTENER.fullmatch(text)
    if found is None or int(found["port"]) > 65535 or found["scheme"].lower() not in ("http", "https"):
        raise ConfigException(
            f"Invalid value {text} for configuration {key}: it is no listener.",
            field=key,
            remedy="Use scheme://host:port with http or https, for example http://:8083 or https://127.0.0.1:8443.",
        )
    return Listener(found["scheme"].lower(), found["v6"] or found["host"] or "", int(found["port"]), key, admin)


def bind(listener: Listener) -> socket.socket:
    """A listening socket. ConnectException REST_BIND_FAILED when the address is taken or not ours."""
    everywhere = not listener.host and socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if everywhere or ":" in listener.host else socket.AF_INET
    try:
        sock = socket.create_server(
            (listener.host, listener.port), family=family, backlog=_BACKLOG, dualstack_ipv6=everywhere
        )
    except OSError as error:
        raise ConnectException(
            f"Cannot listen on {listener.scheme}://{listener.host}:{listener.port}: {error.strerror or error}.",
            code="REST_BIND_FAILED",
            field=listener.key,
            remedy="Choose a free address, or stop the process that uses it.",
        ) from error
    sock.setblocking(False)
    # Inherited by the connections. Head and body of an answer are two writes: without it the second waits for the client's ACK.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock
