"""Java's serialized arrays, as Debezium keeps keys in offsets: written as the JDK writes them, and read back. The expected streams were
recorded from ObjectOutputStream of a JRE 25."""

from __future__ import annotations

import contextlib
import datetime as dt
import uuid
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.cdc.signals.java_reader import JavaObject, read_array
from headrace.cdc.signals.java_writer import Float32, Int32, PgObject, write_array
from headrace.errors import DataException

HEAD = "aced0005757200135b4c6a6176612e6c616e672e4f626a6563743b90ce589f1073296c0200007870"
NUMBER = "7200106a6176612e6c616e672e4e756d62657286ac951d0b94e08b0200007870"
RECORDED = {
    "integers and strings": (
        [Int32(1), Int32(-2), 3, None, "aé", "aé"],
        HEAD
        + "00000006737200116a6176612e6c616e672e496e746567657212e2a0a4f781873802000149000576616c756578"
        + NUMBER
        # The JDK had two strings that are equal, not one: it wrote the text twice where we refer to the first.
        + "000000017371007e0002fffffffe7372000e6a6176612e6c616e672e4c6f6e673b8be490cc8f23df0200014a000576616c75657871007e0003"
        "00000000000000037074000361c3a9" + "71007e0008",
    ),
    "decimals": (
        [Decimal("-123.450"), Decimal("0"), Decimal("99999999999999999999.5")],
        HEAD
        + "00000003737200146a6176612e6d6174682e426967446563696d616c54c71557f981284f0300024900057363616c654c0006696e7456"
        "616c7400164c6a6176612f6d6174682f426967496e74656765723b78" + NUMBER + "00000003737200146a6176612e6d6174682e42"
        "6967496e74656765728cfc9f1fa93bfb1d030006490008626974436f756e744900096269744c656e67746849001366697273744e6f6e7a"
        "65726f427974654e756d49000c6c6f776573745365744269744900067369676e756d5b00096d61676e69747564657400025b427871007e"
        "0004fffffffffffffffffffffffefffffffeffffffff757200025b42acf317f8060854e002000078700000000301e23a78787371007e0002"
        "000000007371007e0006fffffffffffffffffffffffefffffffe000000007571007e00090000000078787371007e0002000000017371007e"
        "0006fffffffffffffffffffffffefffffffe000000017571007e0009000000093635c9adc5de9ffffb7878",
    ),
    "uuid": (
        [uuid.UUID("00000000-0000-0001-ffff-ffffffffffff")],
        HEAD
        + "000000017372000e6a6176612e7574696c2e55554944bc9903f7986d852f0200024a000c6c65617374536967426974734a000b6d6f73"
        "74536967426974737870ffffffffffffffff0000000000000001",
    ),
    "floats and flags": (
        [True, 1.5, Float32(1.5)],
        HEAD
        + "00000003737200116a6176612e6c616e672e426f6f6c65616ecd207280d59cfaee0200015a000576616c7565787001737200106a6176"
        "612e6c616e672e446f75626c6580b3c24a296bfb0402000144000576616c756578" + NUMBER + "3ff80000000000007372000f6a61"
        "76612e6c616e672e466c6f6174daedc9a2db3cf0ec02000146000576616c75657871007e00053fc00000",
    ),
    "bytes": ([b"\x01\x02\xff"], HEAD + "00000001757200025b42acf317f8060854e00200007870000000030102ff"),
    "date": (
        [dt.date(2020, 1, 2)],
        HEAD
        + "000000017372000d6a6176612e73716c2e4461746514fa46683f3566970200007872000e6a6176612e7574696c2e44617465686a8101"
        "4b597419030000787077080000016f638d440078",
    ),
    "driver's object": (
        [PgObject("inet", "10.0.0.1")],
        HEAD
        + "000000017372001c6f72672e706f737467726573716c2e7574696c2e50476f626a6563744bf895caac6f64440200024c000474797065"
        "7400124c6a6176612f6c616e672f537472696e673b4c000576616c756571007e00037870740004696e657474000831302e302e302e31",
    ),
    "null": (None, "aced000570"),
}


@pytest.mark.parametrize("name", RECORDED)
def test_streams_are_the_jdks(name: str) -> None:
    values, stream = RECORDED[name]
    assert write_array(values).hex() == stream
    read = read_array(bytes.fromhex(stream))
    assert read == values
    assert [type(value) for value in read or ()] == [type(value) for value in values or ()]


def test_a_timestamp_and_unknown_classes_are_read() -> None:
    timestamp = bytes.fromhex(
        HEAD
        + "00000001737200126a6176612e73716c2e54696d657374616d702618d5c80153bf650200014900056e616e6f737872000e6a6176612e75"
        "74696c2e44617465686a81014b5974190300007870" + "77080000016f6435cc8878075bca00"
    )
    assert read_array(timestamp) == [dt.datetime(2020, 1, 2, 3, 4, 5, 123456)]
    short = bytes.fromhex(
        HEAD
        + "000000017372000f6a6176612e6c616e672e53686f7274684d37133460da5202000153000576616c756578"
        + NUMBER
        + "0003"
    )
    assert read_array(short) == [3]
    other = bytes.fromhex(HEAD + "0000000173720003612e6200000000000000010200014900017878700000002a")
    assert read_array(other) == [JavaObject("a.b", {"x": 42}, b"")]


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**31), 2**31 - 1).map(Int32),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(),
    st.binary(),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.uuids(),
    st.dates(),
    st.builds(PgObject, st.text(max_size=5), st.text()),
)


@given(st.lists(VALUES, max_size=8))
def test_what_is_written_is_read(values: list[object]) -> None:
    read = read_array(write_array(values))
    assert read == values
    assert [str(v) for v in read or () if isinstance(v, Decimal)] == [str(v) for v in values if isinstance(v, Decimal)]


@given(st.binary(max_size=60))
def test_no_bytes_crash_the_reader(tail: bytes) -> None:
    for data in (tail, bytes.fromhex("aced0005") + tail, bytes.fromhex(HEAD) + tail):
        with contextlib.suppress(DataException):
            read_array(data)
