"""SecureStream: TLS in memory, without I/O, so that the socket is read in large chunks under TLS too.

A walsender puts each row into a TLS record of its own. Python's TLS sockets make two system calls for each record; here one call
takes what has arrived, and the records are opened one after the other.
"""

from __future__ import annotations

import contextlib
import ssl
import threading

_RECORD_BYTES = 16_384


class SecureStream:
    """One connection's TLS. One thread may open while others seal. ssl.SSLError when the other side breaks the rules."""

    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        self._lock = threading.Lock()
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_hostname=host)

        self.shaken = False
        """Whether the handshake is done."""

    def shake(self, received: bytes) -> bytes:
        """Go on with the handshake: what to send."""
        self._in.write(received)
        with contextlib.suppress(ssl.SSLWantReadError):
            self._tls.do_handshake()
            self.shaken = True
        return self._out.read()

    @property
    def certificate(self) -> bytes:
        """The server's, in DER."""
        return self._tls.getpeercert(binary_form=True) or b""

    def seal(self, data: bytes) -> bytes:
        """What to send to say `data`, and whatever the protocol itself has to say."""
        with self._lock:
            if data:
                self._tls.write(data)
            return self._out.read()

    @property
    def unsaid(self) -> bool:
        """Whether the protocol itself has something to say: seal nothing, and send it."""
        return self._out.pending > 0

    def open(self, received: bytes, max_bytes: int) -> bytes:
        """The plain bytes of `received`, up to `max_bytes` and what was left before; what is more is kept for the next call. EOFError when
        the other side has said good-bye and there is nothing more."""
        parts: list[bytes] = []
        left = max_bytes
        with self._lock:
            if received:
                self._in.write(received)
            read, add = self._tls.read, parts.append
            try:
                while left > 0:
                    part = read(_RECORD_BYTES if left > _RECORD_BYTES else left)
                    if not part:
                        break
                    left -= len(part)
                    add(part)
            except ssl.SSLWantReadError:
                return b"".join(parts)
            except ssl.SSLZeroReturnError:
                part = b""
        if not part and not parts:
            raise EOFError
        return b"".join(parts)
