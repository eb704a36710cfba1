"""The login module and options of sasl.jaas.config."""

from __future__ import annotations

import pytest

from headrace.config.jaas import parse_jaas
from headrace.errors import ConfigException

PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"


@pytest.mark.parametrize(
    ("text", "options"),
    [
        (f'{PLAIN} required username="alice" password="secret";', {"username": "alice", "password": "secret"}),
        (f"{PLAIN} REQUIRED\n  username='al ice'\n  password = plain ;\n", {"username": "al ice", "password": "plain"}),
        (f'{PLAIN} required password="a\\"b\\\\c\\n;=";', {"password": 'a"b\\c\n;='}),
        (f'{PLAIN} required empty="";', {"empty": ""}),
        (f"{PLAIN} required;", {}),
    ],
)
def test_an_entry_is_read(text: str, options: dict[str, str]) -> None:
    entry = parse_jaas(text)
    assert entry.module == PLAIN
    assert entry.options == options


@pytest.mark.parametrize(
    "text",
    [
        "",
        PLAIN,
        f'{PLAIN} username="a";',
        f'{PLAIN} required username="hidden-word"',
        f'{PLAIN} required username="hidden-word;',
        f"{PLAIN} required hidden-word;",
        f"{PLAIN} required username= ;",
    ],
)
def test_what_is_no_entry_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(ConfigException) as raised:
        parse_jaas(text)
    assert raised.value.code == "JAAS_INVALID"
    assert "hidden-word" not in str(raised.value)
