"""Column masks: hash, asterisks, truncation of text columns, chosen by the setting's name.

`column.mask.hash.<algorithm>.with.salt.<salt>`, `column.mask.hash.v2.…`, `column.mask.with.<n>.chars`,
`column.truncate.to.<n>.chars`; the value lists column regexes. Source: Debezium's ColumnMappers, MaskStrings, TruncateColumn.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from headrace.cdc.filters import compile_patterns
from headrace.errors import ConfigException

_HASH: Final = re.compile(r"column\.mask\.hash\.(v2\.)?([^.]+)\.with\.salt\.(.+)")
_STARS: Final = re.compile(r"column\.mask\.with\.(\d+)\.chars")
_TRUNCATE: Final = re.compile(r"column\.truncate\.to\.(\d+)\.chars")
UNLIMITED: Final = 2**31 - 1
MASK_KEYS: Final = (_HASH, _STARS, _TRUNCATE)


class Mask(NamedTuple):
    """`apply`: text to masked text. `null`: what stands for NULL. `parameter`: added to the field's schema, whatever its type.
    `alone`: the column does not tell its source type besides. `cuts`: it shortens, any text or bytes; else it hides, text only.
    `native`: what the Rust core calls it ("stars" and the text, "cut" and the length), None where it has none."""

    apply: Callable[[Any], Any]
    null: str | None
    parameter: tuple[str, str]
    alone: bool
    cuts: bool = False
    native: tuple[str, str | int] | None = None


class ColumnMasks:
    """The masks of a configuration."""

    def __init__(self, props: Mapping[str, str]) -> None:
        """ConfigException, with the key as field, for an unknown hash algorithm or a bad regex."""
        self._rules: list[tuple[list[re.Pattern[str]], Callable[[int], Mask | None]]] = []
        # One rule a column: truncation before asterisks before digests, whatever the order of the settings.
        for kind in (_TRUNCATE, _STARS, _HASH):
            for key, value in props.items():
                make = _maker(key) if kind.fullmatch(key) else None
                if make is not None:
                    self._rules.append((compile_patterns(key, value), make))

    def mask(self, *names: str, length: int = UNLIMITED) -> Mask | None:
        """The first mask for a column known by these names (with and without database); `length`: the column's in characters, which
        a digest is cut to. A cut that shortens nothing, as the column is no longer than that, is passed over: Debezium would leave out
        the other masks of the column then."""
        for patterns, make in self._rules:
            if any(pattern.fullmatch(name) for pattern in patterns for name in names):
                made = make(length)
                if made is not None:
                    return made
        return None


def _maker(key: str) -> Callable[[int], Mask | None] | None:
    if match := _STARS.fullmatch(key):
        stars = "*" * int(match[1])
        return lambda length: Mask(lambda text: stars, stars, ("masked", "true"), alone=True, native=("stars", stars))
    if match := _TRUNCATE.fullmatch(key):
        most = int(match[1])
        cut = Mask(_cutter(most), None, ("truncateLength", str(most)), alone=True, cuts=True, native=("cut", most))
        return lambda length: cut if length > most else None
    if match := _HASH.fullmatch(key):
        digest = _digest(key, match[2], match[3], second=match[1] is not None)
        # Debezium leaves a column unmasked that is to tell its type and to be hashed; a wish for secrecy is not dropped here.
        return lambda length: Mask(lambda text: digest(text)[:length], None, ("masked", "true"), alone=False)
    return None


def _cutter(most: int) -> Callable[[Any], Any]:
    def cut(value: Any) -> Any:
        short = value[:most]
        if short.isascii() or isinstance(short, bytes):
            return short
        # Java counts in units of UTF-16.
        return value.encode("utf-16-le", "surrogatepass")[: 2 * most].decode("utf-16-le", "ignore")

    return cut


def _digest(key: str, algorithm: str, salt: str, *, second: bool) -> Callable[[str], str]:
    name = algorithm.lower().replace("sha-", "sha").replace("/", "_")
    try:
        hashlib.new(name, usedforsecurity=False)
    except ValueError:
        raise ConfigException(
            f"{key}: there is no hash algorithm {algorithm}.",
            code="HASH_UNKNOWN",
            field=key,
            remedy="Use SHA-256, SHA-512, SHA-1 or MD5.",
        ) from None
    prefix = salt.encode()

    def digest(text: str) -> str:
        data = text.encode() if second else java_serialized(text)
        return hashlib.new(name, prefix + data, usedforsecurity=False).hexdigest()

    return digest


def java_serialized(text: str) -> bytes:
    """A string as Java's ObjectOutputStream writes it: what version 1 of the hash is taken of."""
    units = text.encode("utf-16-be", "surrogatepass")
    data = b"".join(_modified_utf8(units[i] << 8 | units[i + 1]) for i in range(0, len(units), 2))
    if len(data) < 1 << 16:
        return b"\xac\xed\x00\x05t" + len(data).to_bytes(2, "big") + data
    return b"\xac\xed\x00\x05|" + len(data).to_bytes(8, "big") + data


def _modified_utf8(unit: int) -> bytes:
    if 0 < unit < 0x80:
        return bytes((unit,))
    if unit < 0x800:
        return bytes((0xC0 | unit >> 6, 0x80 | unit & 0x3F))
    return bytes((0xE0 | unit >> 12, 0x80 | unit >> 6 & 0x3F, 0x80 | unit & 0x3F))
