"""Java properties texts."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.config.properties import parse_properties, read_properties
from headrace.errors import ConfigException


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("a=1\nb:2\nc 3\n", {"a": "1", "b": "2", "c": "3"}),
        ("  a  =  1 x  \r\n", {"a": "1 x  "}),
        ("# c\n! c\n\n   \n a=1", {"a": "1"}),
        ("a=1,\\\n   2,\\\r\n\t3\nb=4", {"a": "1,2,3", "b": "4"}),
        ("a=1\\\\\nb=2", {"a": "1\\", "b": "2"}),
        ("a=x\\\n# no comment", {"a": "x# no comment"}),
        ("k\\=e\\:y\\ x=v", {"k=e:y x": "v"}),
        ("a=\\u00e9\\t\\n\\q\\\\", {"a": "é\t\nq\\"}),
        ("a=\\uD83D\\uDE00", {"a": "😀"}),
        ("alone", {"alone": ""}),
        ("a=", {"a": ""}),
        ("a==b", {"a": "=b"}),
        ("a = : b", {"a": ": b"}),
        ("=v", {"": "v"}),
        ("a=1\na=2", {"a": "2"}),
        ("a=end\\", {"a": "end"}),
        ("url=jdbc:postgresql://h:1/db?a=b#c", {"url": "jdbc:postgresql://h:1/db?a=b#c"}),
        ("", {}),
    ],
)
def test_parse(text: str, pairs: dict[str, str]) -> None:
    assert parse_properties(text) == pairs


def test_broken_escape_names_the_line() -> None:
    with pytest.raises(ConfigException, match="line 2") as refused:
        parse_properties("a=1\nb=\\u12\n")
    assert refused.value.code == "PROPERTIES_INVALID"


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "x.properties"
    path.write_bytes("naïve=é\r\n".encode())
    assert read_properties(str(path)) == {"naïve": "é"}
    path.write_bytes(b"a=\xff")
    for bad in (path, tmp_path / "none", tmp_path):
        with pytest.raises(ConfigException) as refused:
            read_properties(str(bad))
        assert refused.value.code == "PROPERTIES_UNREADABLE"


_WRITTEN = {"\t": "\\t", "\n": "\\n", "\r": "\\r", "\f": "\\f", "\\": "\\\\", "=": "\\=", ":": "\\:"}


def _escaped(text: str, *, key: bool) -> str:
    """As java.util.Properties writes it."""
    out = []
    for at, char in enumerate(text):
        if (char == " " and (key or at == 0)) or (char in "#!" and at == 0):
            out.append("\\" + char)
        elif char in _WRITTEN and (key or char not in "=:" or at == 0):
            out.append(_WRITTEN[char])
        elif ord(char) < 0x20 or ord(char) == 0x7F:
            out.append(f"\\u{ord(char):04X}")
        else:
            out.append(char)
    return "".join(out)


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.text(" =:#!\\\n\r\t\fau0", max_size=8)


@given(st.dictionaries(TEXT, TEXT, max_size=5))
def test_round_trip(pairs: dict[str, str]) -> None:
    written = "".join(f"{_escaped(key, key=True)}={_escaped(value, key=False)}\n" for key, value in pairs.items())
    assert parse_properties(written) == pairs
