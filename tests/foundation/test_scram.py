"""SCRAM as the RFCs' examples have it, and a server that does not know the password."""

from __future__ import annotations

import pytest

from headrace.foundation.scram import AuthError, ScramExchange

FIRST = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"


def _exchange() -> ScramExchange:
    return ScramExchange(b"pencil", user="user", nonce="rOprNGfwEbeRWgbNEkqO")


def test_the_example_of_rfc_7677() -> None:
    exchange = _exchange()
    assert exchange.first() == b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
    assert exchange.final(FIRST) == (
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    )
    assert not exchange.verified
    exchange.verify(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
    assert exchange.verified


def test_the_example_of_rfc_5802_with_sha1() -> None:
    exchange = ScramExchange(b"pencil", user="user", digest="sha1", nonce="fyko+d2lbbFgONRv9qkxdawL")
    final = exchange.final(b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096")
    assert final.endswith(b"p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=")
    exchange.verify(b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=")


def test_a_name_with_the_exchanges_own_marks_is_escaped() -> None:
    assert ScramExchange(b"", user="a=b,c", nonce="x").first() == b"n,,n=a=3Db=2Cc,r=x"


@pytest.mark.parametrize("final", [b"v=AAAA", b"e=other-error", b"v=*", b"\xff", b""])
def test_a_server_that_does_not_know_the_password_is_refused(final: bytes) -> None:
    exchange = _exchange()
    exchange.final(FIRST)
    with pytest.raises(AuthError):
        exchange.verify(final)
