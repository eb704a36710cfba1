"""Password answers: md5, SCRAM-SHA-256 and SCRAM-SHA-256-PLUS, without I/O.

Source: RFC 5802, RFC 5929, RFC 7677, PostgreSQL manual "SASL Authentication". SASLprep is applied as NFKC with the RFC 4013 mappings
of spaces and invisible characters; text it would forbid is used as it is, as PostgreSQL does.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import stringprep
import unicodedata
from collections.abc import Collection


class AuthError(Exception):
    """The server's part of the exchange is wrong: it may not be the server that knows the password."""


def md5_answer(user: str, password: str, salt: bytes) -> bytes:
    """The answer to AuthenticationMD5Password."""
    inner = hashlib.md5(password.encode() + user.encode(), usedforsecurity=False).hexdigest()
    return b"md5" + hashlib.md5(inner.encode() + salt, usedforsecurity=False).hexdigest().encode()


def saslprep(text: str) -> str:
    """`text` prepared as RFC 4013 says; unchanged when it holds forbidden characters."""
    if text.isascii():
        return text
    mapped = "".join(
        " " if stringprep.in_table_c12(char) else char for char in text if not stringprep.in_table_b1(char)
    )
    prepared = unicodedata.normalize("NFKC", mapped)
    forbidden = (
        stringprep.in_table_c21_c22, stringprep.in_table_c3, stringprep.in_table_c4, stringprep.in_table_c5,
        stringprep.in_table_c6, stringprep.in_table_c7, stringprep.in_table_c8, stringprep.in_table_c9,
        stringprep.in_table_a1, stringprep.in_table_c12,
    )  # fmt: skip
    if not prepared or any(test(char) for char in prepared for test in forbidden):
        return text
    if any(map(stringprep.in_table_d1, prepared)) and (
        any(map(stringprep.in_table_d2, prepared))
        or not stringprep.in_table_d1(prepared[0])
        or not stringprep.in_table_d1(prepared[-1])
    ):
        return text
    return prepared


PLAIN, PLUS = "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"


class Scram:
    """The client's side of one SCRAM exchange: `first()`, `final(server_first)`, `verify(server_final)`.

    `offered`: the server's mechanisms. `end_point`: tls-server-end-point of the channel (see `certificates`), None without TLS or when it is
    not to be bound; with it the exchange is bound to the channel when the server offers that, and otherwise says that it could have
    been, so that nobody in between can have taken the offer away. `binding`: `require` refuses an exchange that is not bound.

    AuthError for a mechanism that is not offered, a malformed message, a nonce that is not ours, too small an iteration count or a wrong
    signature.
    """

    def __init__(
        self,
        password: str,
        nonce: str | None = None,
        *,
        offered: Collection[str] = (PLAIN,),
        end_point: bytes | None = None,
        binding: str = "prefer",
    ) -> None:
        bound = PLUS in offered and end_point is not None and binding != "disable"
        if binding == "require" and not bound:
            raise AuthError("channel binding is required, and the server or the connection does not have it")
        if not bound and PLAIN not in offered:
            raise AuthError(f"the server offers no {PLAIN}")
        self.mechanism = PLUS if bound else PLAIN
        if bound:
            header, data = "p=tls-server-end-point,,", end_point or b""
        else:
            header, data = "n,," if end_point is None or binding == "disable" else "y,,", b""
        self._header = header
        self._binding = base64.b64encode(header.encode() + data).decode()
        self._password = saslprep(password).encode()
        self._nonce = nonce or base64.b64encode(secrets.token_bytes(18)).decode()
        self._bare = f"n=,r={self._nonce}"
        self._signature = b""
        self.verified = False
        """Whether the server has shown that it knows the password."""

    def first(self) -> bytes:
        """client-first-message; the user name is left to the startup message."""
        return (self._header + self._bare).encode()

    def final(self, server_first: bytes) -> bytes:
        """client-final-message with the proof."""
        fields = _fields(server_first)
        nonce, salt, rounds = fields.get("r", ""), _unbase64(fields.get("s", "")), fields.get("i", "")
        if not nonce.startswith(self._nonce) or len(nonce) == len(self._nonce):
            raise AuthError("the server's nonce does not extend ours")
        if not rounds.isdigit() or not 1 <= int(rounds) <= 100_000_000:
            raise AuthError("the server asks for an impossible iteration count")
        salted = hashlib.pbkdf2_hmac("sha256", self._password, salt, int(rounds))
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        without_proof = f"c={self._binding},r={nonce}"
        auth = b",".join((self._bare.encode(), server_first, without_proof.encode()))
        proof = hmac.digest(hashlib.sha256(client_key).digest(), auth, "sha256")
        mixed = bytes(a ^ b for a, b in zip(client_key, proof, strict=True))
        self._signature = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), auth, "sha256")
        return f"{without_proof},p={base64.b64encode(mixed).decode()}".encode()

    def verify(self, server_final: bytes) -> None:
        """Check that the server knows the password too."""
        given = _unbase64(_fields(server_final).get("v", ""))
        if not self._signature or not hmac.compare_digest(given, self._signature):
            raise AuthError("the server's signature is wrong")
        self.verified = True


def _fields(message: bytes) -> dict[str, str]:
    try:
        return {part[0]: part[2:] for part in message.decode().split(",") if part[1:2] == "="}
    except UnicodeDecodeError:
        raise AuthError("a SCRAM message is not UTF-8") from None


def _unbase64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise AuthError("a SCRAM message is not base64") from None
