"""The client's side of one SCRAM exchange, without I/O. Source: RFC 5802, RFC 7677."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets


class AuthError(Exception):
    """The server's part of the exchange is wrong: it may not be the server that knows the password."""


class ScramExchange:
    """`first()`, `final(server_first)`, `verify(server_final)`.

    `password`: as it is to be hashed; who wants SASLprep has done it. `header`: the gs2-header, `channel`: what the exchange is bound to,
    with a header that says so. `digest`: sha256 or sha512.

    AuthError for a malformed message, a nonce that is not ours, an impossible iteration count, an error message or a wrong signature.
    """

    def __init__(
        self,
        password: bytes,
        *,
        user: str = "",
        digest: str = "sha256",
        header: str = "n,,",
        channel: bytes = b"",
        nonce: str | None = None,
    ) -> None:
        self._header = header
        self._binding = base64.b64encode(header.encode() + channel).decode()
        self._password = password
        self._digest = digest
        self._nonce = nonce or base64.b64encode(secrets.token_bytes(18)).decode()
        self._bare = f"n={user.replace('=', '=3D').replace(',', '=2C')},r={self._nonce}"
        self._signature = b""
        self.verified = False
        """Whether the server has shown that it knows the password."""

    def first(self) -> bytes:
        """client-first-message."""
        return (self._header + self._bare).encode()

    def final(self, server_first: bytes) -> bytes:
        """client-final-message with the proof."""
        fields = _fields(server_first)
        nonce, salt, rounds = fields.get("r", ""), _unbase64(fields.get("s", "")), fields.get("i", "")
        if not nonce.startswith(self._nonce) or len(nonce) == len(self._nonce):
            raise AuthError("the server's nonce does not extend ours")
        if not rounds.isdigit() or not 1 <= int(rounds) <= 100_000_000:
            raise AuthError("the server asks for an impossible iteration count")
        salted = hashlib.pbkdf2_hmac(self._digest, self._password, salt, int(rounds))
        client_key = hmac.digest(salted, b"Client Key", self._digest)
        without_proof = f"c={self._binding},r={nonce}"
        auth = b",".join((self._bare.encode(), server_first, without_proof.encode()))
        proof = hmac.digest(hashlib.new(self._digest, client_key).digest(), auth, self._digest)
        mixed = bytes(a ^ b for a, b in zip(client_key, proof, strict=True))
        self._signature = hmac.digest(hmac.digest(salted, b"Server Key", self._digest), auth, self._digest)
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
