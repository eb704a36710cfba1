"""Column masks: hash, asterisks, truncation of text columns, chosen by the setting's name.

`column.mask.hash.<algorithm>.with.salt.<salt>`, `column.mask.hash.v2.…`, `column.mask.with.<n>.chars`,
`column.truncate.to.<n>.chars`; the value lists column regexes. Source: Debezium's ColumnMappers.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Final

from headrace.cdc.filters import compile_patterns
from headrace.errors import ConfigException

Mask = Callable[[str], str]

_HASH: Final = re.compile(r"column\.mask\.hash\.(v2\.)?([^.]+)\.with\.salt\.(.+)")
_STARS: Final = re.compile(r"column\.mask\.with\.(\d+)\.chars")
_TRUNCATE: Final = re.compile(r"column\.truncate\.to\.(\d+)\.chars")
MASK_KEYS: Final = (_HASH, _STARS, _TRUNCATE)


class ColumnMasks:
    """The masks of a configuration."""

    def __init__(self, props: Mapping[str, str]) -> None:
        """ConfigException, with the key as field, for an unknown hash algorithm or a bad regex."""
        self._rules: list[tuple[list[re.Pattern[str]], Mask]] = []
        for key, value in props.items():
            mask = _mask_of(key)
            if mask is not None:
                self._rules.append((compile_patterns(key, value), mask))

    def mask(self, *names: str) -> Mask | None:
        """The mask for a column known by these names (with and without database), all that apply in one."""
        found = [mask for patterns, mask in self._rules if any(p.fullmatch(name) for p in patterns for name in names)]
        if not found:
            return None
        if len(found) == 1:
            return found[0]

        def combined(text: str) -> str:
            for mask in found:
                text = mask(text)
            return text

        return combined


def _mask_of(key: str) -> Mask | None:
    if match := _STARS.fullmatch(key):
        stars = "*" * int(match[1])
        return lambda text: stars
    if match := _TRUNCATE.fullmatch(key):
        length = int(match[1])
        return lambda text: text[:length]
    if match := _HASH.fullmatch(key):
        return _hash(key, match[2], match[3])
    return None


def _hash(key: str, algorithm: str, salt: str) -> Mask:
    name = algorithm.lower().replace("-", "") if algorithm.upper().startswith("SHA-") else algorithm.lower()
    name = name.replace("sha512/256", "sha512_256").replace("sha3", "sha3_")
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
        return hashlib.new(name, prefix + text.encode(), usedforsecurity=False).hexdigest()

    return digest
