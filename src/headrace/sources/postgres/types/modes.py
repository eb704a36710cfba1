"""The handling modes that decide how values look, in one place."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import msgspec

from headrace.data.unchanged import UnchangedBytes, UnchangedText
from headrace.sources.postgres.types import texts

ENCODERS: Final[dict[str, Callable[[bytes], str]]] = {
    "bytes": lambda data: data.decode("latin-1"),
    "base64": lambda data: base64.b64encode(data).decode(),
    "base64-url-safe": lambda data: base64.urlsafe_b64encode(data).decode(),
    "hex": bytes.hex,
}


@dataclass(frozen=True)
class Modes:
    """Values of the keys decimal/time/binary/hstore/interval.*.mode, money.fraction.digits, include.unknown.datatypes.

    `placeholder`: unavailable.value.placeholder as bytes."""

    decimals: str = "precise"
    times: str = "adaptive"
    binary: str = "bytes"
    hstore: str = "json"
    interval: str = "numeric"
    money_digits: int = 2
    include_unknown: bool = False
    placeholder: bytes = b"__debezium_unavailable_value"

    @property
    def encode_binary(self) -> Callable[[bytes], str]:
        """bytes → text for the binary modes other than `bytes`."""
        return ENCODERS[self.binary]

    @cached_property
    def placeholder_text(self) -> str:
        return self.placeholder.decode(errors="replace")

    @cached_property
    def unchanged_text(self) -> UnchangedText:
        """The one marker of text columns: tests by identity are enough."""
        return UnchangedText(self.placeholder_text)

    @cached_property
    def unchanged_bytes(self) -> UnchangedBytes:
        return UnchangedBytes(self.placeholder)

    @staticmethod
    def hstore_json(text: str) -> str:
        """An hstore text as compact JSON."""
        return msgspec.json.encode(texts.hstore_map(text)).decode()
