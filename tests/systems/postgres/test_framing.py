"""Framing, messages and password exchanges: pure, so tested with any input."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.systems.postgres import messages
from headrace.systems.postgres.auth import PLAIN, PLUS, AuthError, Scram, md5_answer, saslprep
from headrace.systems.postgres.framing import Frame, FrameError, Framer

bodies = st.binary(max_size=60)
frames = st.lists(st.tuples(st.sampled_from([100, 100, 100, 69, 78, 99, 67]), bodies), max_size=20)


def encode(items: list[tuple[int, bytes]]) -> bytes:
    return b"".join(messages.message(bytes([kind]), body) for kind, body in items)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[a:b] for a, b in itertools.pairwise(edges)]


@given(frames, st.lists(st.integers(0, 10_000), max_size=12))
def test_any_cut_gives_the_same_frames(items: list[tuple[int, bytes]], places: list[int]) -> None:
    framer = Framer()
    found = [frame for chunk in cut(encode(items), places) for frame in framer.feed(chunk)]
    assert found == [Frame(*item) for item in items]
    assert not framer.pending


@given(frames, st.lists(st.integers(0, 10_000), max_size=12))
def test_copy_form_agrees_with_the_plain_form(items: list[tuple[int, bytes]], places: list[int]) -> None:
    framer = Framer()
    found: list[Frame] = []
    for chunk in cut(encode(items), places):
        payloads: list[bytes] = []
        rest = framer.feed_copy(chunk, payloads)
        found += [Frame(100, payload) for payload in payloads] + framer.feed(rest)
    assert found == [Frame(*item) for item in items]


@pytest.mark.parametrize("length", [0, 3, 1 << 30, 0xFFFFFFFF])
def test_impossible_length(length: int) -> None:
    data = b"d" + struct.pack("!I", length)
    with pytest.raises(FrameError):
        Framer().feed(data)
    payloads: list[bytes] = []
    assert Framer().feed_copy(messages.message(b"d", b"before") + data, payloads) == data
    assert payloads == [b"before"]


@given(st.lists(st.one_of(st.none(), st.text())))
def test_data_row(values: list[str | None]) -> None:
    parts = [
        struct.pack("!i", -1) if value is None else struct.pack("!i", len(value.encode())) + value.encode()
        for value in values
    ]
    assert messages.data_row(struct.pack("!H", len(values)) + b"".join(parts)) == tuple(values)


def test_error_fields() -> None:
    assert messages.error_fields(b"SFATAL\x00C28P01\x00Mno\x00\x00") == {"S": "FATAL", "C": "28P01", "M": "no"}


def test_scram_vector_of_rfc_7677() -> None:
    scram = Scram("pencil", "rOprNGfwEbeRWgbNEkqO")
    assert scram.first() == b"n,,n=,r=rOprNGfwEbeRWgbNEkqO"
    # The RFC's user name is "user"; PostgreSQL's clients leave it empty, so the proof is checked by the server's rule.
    server_first = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    final = scram.final(server_first)
    without, _, proof = final.decode().rpartition(",p=")
    salted = hashlib.pbkdf2_hmac("sha256", b"pencil", base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="), 4096)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    auth = b"n=,r=rOprNGfwEbeRWgbNEkqO," + server_first + b"," + without.encode()
    client_key = bytes(a ^ b for a, b in zip(base64.b64decode(proof), hmac.digest(stored, auth, "sha256"), strict=True))
    assert hashlib.sha256(client_key).digest() == stored
    good = base64.b64encode(hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), auth, "sha256"))
    scram.verify(b"v=" + good)
    with pytest.raises(AuthError):
        scram.verify(b"v=" + base64.b64encode(b"x" * 32))


@pytest.mark.parametrize(
    "server_first",
    [b"r=other,s=AAAA,i=4096", b"r=abc,s=AAAA,i=4096", b"r=abcd,s=*,i=4096", b"r=abcd,s=AAAA,i=0", b"r=abcd,s=AAAA,i=x", b"\xff"],
)  # fmt: skip
def test_scram_refuses_a_wrong_server(server_first: bytes) -> None:
    with pytest.raises(AuthError):
        Scram("secret", "abc").final(server_first)


@pytest.mark.parametrize(
    ("offered", "point", "binding", "mechanism", "header"),
    [
        ([PLAIN], None, "prefer", PLAIN, "n,,"),
        ([PLAIN], b"hash", "prefer", PLAIN, "y,,"),
        ([PLAIN], b"hash", "disable", PLAIN, "n,,"),
        ([PLUS, PLAIN], None, "prefer", PLAIN, "n,,"),
        ([PLUS, PLAIN], b"hash", "disable", PLAIN, "n,,"),
        ([PLUS, PLAIN], b"hash", "prefer", PLUS, "p=tls-server-end-point,,"),
        ([PLUS], b"hash", "require", PLUS, "p=tls-server-end-point,,"),
    ],
)
def test_scram_says_whether_the_channel_is_bound(
    offered: list[str], point: bytes | None, binding: str, mechanism: str, header: str
) -> None:
    scram = Scram("secret", "abc", offered=offered, end_point=point, binding=binding)
    assert scram.mechanism == mechanism
    assert scram.first().decode() == f"{header}n=,r=abc"
    told = scram.final(b"r=abcd,s=AAAA,i=4096").split(b",")[0]
    assert base64.b64decode(told[2:]) == header.encode() + (b"hash" if mechanism == PLUS else b"")


@pytest.mark.parametrize(
    ("offered", "point", "binding"),
    [
        ([PLAIN], b"hash", "require"),
        ([PLUS, PLAIN], None, "require"),
        ([PLUS], None, "prefer"),
        (["OTHER"], None, "prefer"),
    ],
)
def test_scram_refuses_what_cannot_be_bound(offered: list[str], point: bytes | None, binding: str) -> None:
    with pytest.raises(AuthError):
        Scram("secret", offered=offered, end_point=point, binding=binding)


def test_scram_without_exchange_verifies_nothing() -> None:
    with pytest.raises(AuthError):
        Scram("secret").verify(b"v=")


@pytest.mark.parametrize(
    ("text", "prepared"),
    [("plain", "plain"), ("a\u00a0b", "a b"), ("I\u00adX", "IX"), ("\u2168", "IX"), ("\u00aa", "a"), ("a\u0007é", "a\u0007é")],
)  # fmt: skip
def test_saslprep(text: str, prepared: str) -> None:
    assert saslprep(text) == prepared


def test_md5_answer() -> None:
    inner = hashlib.md5(b"secretuser").hexdigest().encode()
    assert md5_answer("user", "secret", b"salt") == b"md5" + hashlib.md5(inner + b"salt").hexdigest().encode()
