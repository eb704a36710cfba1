"""Password answers: md5, SCRAM-SHA-256 and SCRAM-SHA-256-PLUS, without I/O.

Source: RFC 5802, RFC 5929, RFC 7677, PostgreSQL manual "SASL Authentication". SASLprep is applied as NFKC with the RFC 4013 mappings
of spaces and invisible characters; text it would forbid is used as it is, as PostgreSQL does.
"""

from __future__ import annotations

import hashlib
import stringprep
import unicodedata
from collections.abc import Collection

from headrace.foundation.scram import AuthError, ScramExchange

__all__ = ["PLAIN", "PLUS", "AuthError", "Scram", "md5_answer", "saslprep"]


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


class Scram(ScramExchange):
    """An exchange as PostgreSQL has it; the user name is left to the startup message.

    `offered`: the server's mechanisms. `end_point`: tls-server-end-point of the channel (see `certificates`), None without TLS or when it is
    not to be bound; with it the exchange is bound to the channel when the server offers that, and otherwise says that it could have
    been, so that nobody in between can have taken the offer away. `binding`: `require` refuses an exchange that is not bound.

    AuthError for a mechanism that is not offered as well.
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
        super().__init__(saslprep(password).encode(), header=header, channel=data, nonce=nonce)
