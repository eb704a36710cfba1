"""Arrow producers that are not as the interface says: C structs made by hand, released once whatever is found in them."""

from __future__ import annotations

import ctypes
import faulthandler
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from headrace.native import core

pytestmark = pytest.mark.skipif(core is None, reason="reads by the Rust core")
faulthandler.enable()

_RELEASE = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
_new_capsule = ctypes.pythonapi.PyCapsule_New
_new_capsule.restype = ctypes.py_object
_new_capsule.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]


class CSchema(ctypes.Structure):
    pass


class CArray(ctypes.Structure):
    pass


CSchema._fields_ = [
    ("format", ctypes.c_char_p),
    ("name", ctypes.c_char_p),
    ("metadata", ctypes.c_char_p),
    ("flags", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("children", ctypes.POINTER(ctypes.POINTER(CSchema))),
    ("dictionary", ctypes.POINTER(CSchema)),
    ("release", _RELEASE),
    ("private_data", ctypes.c_void_p),
]
CArray._fields_ = [
    ("length", ctypes.c_int64),
    ("null_count", ctypes.c_int64),
    ("offset", ctypes.c_int64),
    ("n_buffers", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("buffers", ctypes.POINTER(ctypes.c_void_p)),
    ("children", ctypes.POINTER(ctypes.POINTER(CArray))),
    ("dictionary", ctypes.POINTER(CArray)),
    ("release", _RELEASE),
    ("private_data", ctypes.c_void_p),
]


class Producer:
    """An array with its schema, for one import."""

    def __init__(self) -> None:
        self.released = {"schema": 0, "array": 0}
        self._held: list[Any] = []
        self.top: tuple[CSchema, CArray] | None = None

    def _release(self, what: str, kind: type[Any]) -> Any:
        def release(address: int) -> None:
            self.released[what] += 1
            kind.from_address(address).release = _RELEASE()

        made = _RELEASE(release)
        self._held.append(made)
        return made

    def _pointers(self, kind: type[Any], items: Sequence[Any]) -> Any:
        made = (ctypes.POINTER(kind) * max(1, len(items)))(*(ctypes.pointer(item) for item in items))
        self._held.append(made)
        return ctypes.cast(made, ctypes.POINTER(ctypes.POINTER(kind)))

    def make(
        self,
        format: bytes,
        length: int,
        buffers: Sequence[bytes | None],
        inner: Sequence[tuple[CSchema, CArray]] = (),
        values: tuple[CSchema, CArray] | None = None,
        /,
        **changes: Any,
    ) -> tuple[CSchema, CArray]:
        """The pair; the one made last is given to the consumer. `inner`: the children; `values`: the dictionary; `changes`: other values
        for the array's members."""
        schema, array = CSchema(), CArray()
        schema.format, schema.name, schema.flags = format, b"", 2
        schema.n_children, schema.children = len(inner), self._pointers(CSchema, [one for one, _ in inner])
        kept = [None if one is None else ctypes.create_string_buffer(one, max(1, len(one))) for one in buffers]
        addresses = (ctypes.c_void_p * max(1, len(kept)))(
            *(None if one is None else ctypes.addressof(one) for one in kept)
        )
        self._held += [*kept, addresses]
        array.length, array.null_count, array.n_buffers = length, -1, len(buffers)
        array.buffers = ctypes.cast(addresses, ctypes.POINTER(ctypes.c_void_p))
        array.n_children, array.children = len(inner), self._pointers(CArray, [one for _, one in inner])
        if values is not None:
            schema.dictionary, array.dictionary = ctypes.pointer(values[0]), ctypes.pointer(values[1])
        schema.release, array.release = self._release("schema", CSchema), self._release("array", CArray)
        for name, value in changes.items():
            setattr(array, name, value)
        self._held += [schema, array]
        self.top = schema, array
        return schema, array

    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]:
        assert self.top is not None
        schema, array = self.top
        return (
            _new_capsule(ctypes.addressof(schema), b"arrow_schema", None),
            _new_capsule(ctypes.addressof(array), b"arrow_array", None),
        )


def int32s(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(4, "little", signed=True) for number in numbers)


def int64s(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(8, "little", signed=True) for number in numbers)


def view(length: int, which: int, start: int) -> bytes:
    return int32s(length) + b"abcd" + int32s(which, start)


Make = Callable[[Producer], Any]
BROKEN: dict[str, Make] = {
    "length below zero": lambda p: p.make(b"i", -1, [None, int32s(1)]),
    "offset below zero": lambda p: p.make(b"i", 1, [None, int32s(1)], offset=-1),
    "length beyond 32 bits": lambda p: p.make(b"i", 2**40, [None, int32s(1)]),
    "end beyond 64 bits": lambda p: p.make(b"i", 2, [None, int32s(1)], offset=2**63 - 1),
    "no buffers": lambda p: p.make(b"i", 1, []),
    "one buffer": lambda p: p.make(b"i", 1, [None]),
    "buffers below zero": lambda p: p.make(b"i", 1, [None, int32s(1)], n_buffers=-3),
    "no values": lambda p: p.make(b"i", 1, [None, None]),
    "no array of buffers": lambda p: p.make(b"i", 1, [None, int32s(1)], buffers=None),
    "no data of texts": lambda p: p.make(b"u", 1, [None, int32s(0, 3), None]),
    "offsets that fall": lambda p: p.make(b"u", 2, [None, int32s(0, 3, 1), b"abc"]),
    "offsets below zero": lambda p: p.make(b"u", 1, [None, int32s(-1, 1), b"abc"]),
    "large offsets below zero": lambda p: p.make(b"U", 1, [None, int64s(-(2**62), 1), b"abc"]),
    "text that is no UTF-8": lambda p: p.make(b"u", 1, [None, int32s(0, 2), b"\xff\xfe"]),
    "view that is no UTF-8": lambda p: p.make(b"vu", 1, [None, int32s(2) + b"\xff\xfe" + bytes(10), b""]),
    "view of a buffer that is not there": lambda p: p.make(b"vz", 1, [None, view(13, 1, 0), bytes(20), int64s(20)]),
    "view beyond its buffer": lambda p: p.make(b"vz", 1, [None, view(13, 0, 8), bytes(20), int64s(20)]),
    "view of a length below zero": lambda p: p.make(b"vz", 1, [None, view(-1, 0, 0), bytes(20), int64s(20)]),
    "view of a start below zero": lambda p: p.make(b"vz", 1, [None, view(13, 0, -1), bytes(20), int64s(20)]),
    "view of a buffer below zero": lambda p: p.make(b"vz", 1, [None, view(13, -1, 0), bytes(20), int64s(20)]),
    "view into a buffer of a size below zero": lambda p: p.make(
        b"vz", 1, [None, view(13, 0, 0), bytes(20), int64s(-1)]
    ),
    "view without sizes": lambda p: p.make(b"vz", 1, [None, view(1, 0, 0)]),
    "list without a child": lambda p: p.make(b"+l", 1, [None, int32s(0, 1)]),
    "list beyond its child": lambda p: p.make(b"+l", 1, [None, int32s(0, 2)], [p.make(b"i", 1, [None, int32s(1)])]),
    "list far beyond its child": lambda p: p.make(
        b"+L", 1, [None, int64s(0, 2**62)], [p.make(b"i", 1, [None, int32s(1)])]
    ),
    "fixed list of a huge width": lambda p: p.make(
        b"+w:9223372036854775807", 1, [None], [p.make(b"i", 1, [None, int32s(1)])]
    ),
    "map of one field": lambda p: p.make(
        b"+m", 1, [None, int32s(0, 0)], [p.make(b"+s", 0, [None], [p.make(b"u", 0, [None, int32s(0), b""])])]
    ),
    "struct beyond its child": lambda p: p.make(b"+s", 2, [None], [p.make(b"i", 1, [None, int32s(1)])]),
    "struct whose offset is beyond its child": lambda p: p.make(
        b"+s", 1, [None], [p.make(b"i", 1, [None, int32s(1)])], offset=1
    ),
    "struct whose child is missing": lambda p: p.make(
        b"+s", 1, [None], [p.make(b"i", 1, [None, int32s(1)])], n_children=0
    ),
    "struct whose children are nowhere": lambda p: p.make(
        b"+s", 1, [None], [p.make(b"i", 1, [None, int32s(1)])], children=None
    ),
    "child that is released": lambda p: p.make(
        b"+s", 1, [None], [p.make(b"i", 1, [None, int32s(1)], release=_RELEASE())]
    ),
    "dictionary that is missing": lambda p: p.make(
        b"c", 1, [None, b"\0"], (), p.make(b"i", 1, [None, int32s(1)]), dictionary=None
    ),
    "dictionary that is released": lambda p: p.make(
        b"c", 1, [None, b"\0"], (), p.make(b"i", 1, [None, int32s(1)], release=_RELEASE())
    ),
    "index beyond the dictionary": lambda p: p.make(b"c", 1, [None, b"\5"], (), p.make(b"i", 1, [None, int32s(1)])),
    "index below zero": lambda p: p.make(b"c", 1, [None, b"\xff"], (), p.make(b"i", 1, [None, int32s(1)])),
    "index into an empty dictionary": lambda p: p.make(
        b"c", 2, [b"\1", b"\0\0"], (), p.make(b"i", 0, [None, int32s()])
    ),
    "dictionary behind no number": lambda p: p.make(
        b"u", 1, [None, int32s(0, 0), b""], (), p.make(b"i", 1, [None, int32s(1)])
    ),
    "unknown format": lambda p: p.make(b"?", 1, [None, int32s(1)]),
    "format of no text": lambda p: p.make(b"\xff", 1, [None, int32s(1)]),
    "empty format": lambda p: p.make(b"", 1, [None, int32s(1)]),
    "decimal of odd bits": lambda p: p.make(b"d:5,2,48", 1, [None, bytes(16)]),
    "fixed bytes of a width below zero": lambda p: p.make(b"w:-1", 1, [None, bytes(16)]),
    "run ends": lambda p: p.make(b"+r", 1, [None], [p.make(b"i", 1, [None, int32s(1)])] * 2),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_not_as_the_interface_says_is_declined_and_released_once(name: str) -> None:
    producer = Producer()
    BROKEN[name](producer)
    with pytest.raises(core.DeclinedError):
        core.arrow_import(producer)
    assert producer.released == {"schema": 1, "array": 1}


GOOD: dict[str, tuple[Make, int]] = {
    "null count unknown": (lambda p: p.make(b"i", 2, [b"\1", int32s(1, 2)]), 2),
    "no validity": (lambda p: p.make(b"i", 2, [None, int32s(1, 2)]), 2),
    "offset amid a byte": (lambda p: p.make(b"b", 3, [b"\xff\1", b"\xff\1"], offset=6), 3),
    "no rows and no buffers": (lambda p: p.make(b"u", 0, [None, None, None]), 0),
    "no rows far behind": (lambda p: p.make(b"i", 0, [None, None], offset=2**40), 0),
    "nulls without buffers": (lambda p: p.make(b"n", 2**31, []), 2**31),
    "bytes of no width": (lambda p: p.make(b"w:0", 3, [None, None]), 3),
    "lists of no width": (lambda p: p.make(b"+w:0", 3, [None], [p.make(b"i", 0, [None, None])]), 3),
    "nulls in lists that have elements": (
        lambda p: p.make(b"+l", 2, [b"\2", int32s(0, 2, 3)], [p.make(b"i", 3, [None, int32s(1, 2, 3)])]),
        2,
    ),
    "struct without fields": (lambda p: p.make(b"+s", 2, [None]), 2),
}


@pytest.mark.parametrize("name", GOOD)
def test_what_is_odd_but_right_is_taken(name: str) -> None:
    make, rows = GOOD[name]
    producer = Producer()
    make(producer)
    assert len(core.arrow_import(producer)[1]) == rows
    assert producer.released == {"schema": 1, "array": 1}


def test_schemas_that_nest_without_end_are_declined() -> None:
    producer = Producer()
    inner = producer.make(b"i", 0, [None, None])
    for _ in range(100):
        inner = producer.make(b"+l", 0, [None, int32s(0)], [inner])
    with pytest.raises(core.DeclinedError, match="deep"):
        core.arrow_import(producer)
    assert producer.released == {"schema": 1, "array": 1}


@pytest.mark.parametrize("given", [(), (1, 2), None, 5, [1, 2]])
def test_other_things_than_capsules_are_type_errors(given: Any) -> None:
    class Wrong:
        def __arrow_c_array__(self, requested_schema: object = None) -> Any:
            return given

    with pytest.raises((TypeError, IndexError)):
        core.arrow_import(Wrong())
