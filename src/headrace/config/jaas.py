"""The value of `sasl.jaas.config`: `<login module> <flag> name="value" … ;`. Source: KIP-85, javax.security.auth.login.Configuration."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from headrace.errors import ConfigException

_TOKEN: Final = re.compile(r"""\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([=;])|([^\s=;"']+))""", re.DOTALL)
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_FLAGS: Final = frozenset({"required", "requisite", "sufficient", "optional"})


@dataclass(frozen=True, slots=True)
class JaasEntry:
    """A login module (its class name) and its options."""

    module: str
    options: dict[str, str]


def parse_jaas(text: str) -> JaasEntry:
    """The one entry of `text`. ConfigException (JAAS_INVALID); its message has nothing of the text, which has a password."""
    tokens = _tokens(text)
    if len(tokens) < 3 or tokens[1].lower() not in _FLAGS or tokens[-1] != ";":
        raise _invalid('it is not of the form `<login module> required name="value" …;`')
    options: dict[str, str] = {}
    rest = tokens[2:-1]
    for at in range(0, len(rest), 3):
        if len(rest) < at + 3 or rest[at + 1] != "=":
            raise _invalid('an option is not of the form name="value"')
        options[rest[at]] = rest[at + 2]
    return JaasEntry(tokens[0], options)


def _tokens(text: str) -> list[str]:
    tokens, at, text = [], 0, text.strip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _invalid("a quote does not end")
        double, single, mark, word = match.groups()
        quoted = double if double is not None else single
        tokens.append(_ESCAPE.sub(_unescaped, quoted) if quoted is not None else mark or word)
        at = match.end()
    return tokens


def _unescaped(match: re.Match[str]) -> str:
    return _ESCAPED.get(match.group(1), match.group(1))


def _invalid(reason: str) -> ConfigException:
    return ConfigException(f"sasl.jaas.config cannot be read: {reason}.", code="JAAS_INVALID", field="sasl.jaas.config")
