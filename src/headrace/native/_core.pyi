"""The compiled module. Everything here is immutable and may be used from any thread; what takes long releases the GIL."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

VERSION: str

class DeclinedError(Exception):
    """Not done natively: the Python twin does it, and has the last word on what is an error."""

def use_types(
    *,
    structure: type,
    decimal: type,
    date_of_ordinal: Callable[[int], Any],
    unchanged_text: type,
    unchanged_bytes: type,
    unchanged_list: type,
    unchanged_map: type,
    to_decimal: Callable[[bytes, int], Any],
    to_date: Callable[[int], Any],
    to_time: Callable[[int], Any],
    to_timestamp: Callable[[int], Any],
    from_decimal: Callable[[Any, int], bytes],
    from_date: Callable[[Any], int],
    from_time: Callable[[Any], int],
    from_timestamp: Callable[[Any], int],
) -> None:
    """The classes values are made of; `headrace.data.columns` calls it once."""

class Layout:
    """What a schema says that matters for bytes. ValueError for a schema without native form."""

    def __new__(cls, schema: Any) -> Layout: ...
    @property
    def schema(self) -> Any: ...
    @property
    def optional(self) -> bool: ...
    @property
    def fields(self) -> list[Layout]: ...

class Mask:
    """Which rows of a batch."""

    def __new__(cls, rows: Sequence[bool]) -> Mask: ...
    @staticmethod
    def constant(rows: int, value: bool) -> Mask: ...
    def __len__(self) -> int: ...
    def __getitem__(self, row: int) -> bool: ...
    def __and__(self, other: Mask) -> Mask: ...
    def __or__(self, other: Mask) -> Mask: ...
    def __invert__(self) -> Mask: ...
    def count(self) -> int: ...
    def all(self) -> bool: ...
    def any(self) -> bool: ...
    def positions(self) -> list[int]: ...
    def selectors(self) -> bytes:
        """One byte per row, 0 or 1, for itertools.compress."""

# Arrow
class ArrowArray:
    """A column for any consumer of Arrow data. `field`: a headrace.data.arrow.ArrowField."""

    def __new__(cls, field: tuple[Any, ...], column: Column) -> ArrowArray: ...
    def __len__(self) -> int: ...
    def __arrow_c_schema__(self) -> object: ...
    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]:
        """DeclinedError for a value that its Arrow type does not hold."""

def arrow_import(given: object) -> tuple[tuple[Any, ...], Column]:
    """(field, column) of any object with `__arrow_c_array__` or `__arrow_c_stream__`. TypeError for others, DeclinedError for a type that
    has no counterpart and for values that a column does not hold."""

class Objects:
    """Makes objects of a class with `__slots__` without a call of its Python code."""

    def __new__(cls, type: type, slots: Sequence[str]) -> Objects: ...
    def make(self, rows: int, sources: Sequence[tuple[Any, ...]]) -> list[Any]:
        """One source for each slot: ("same", value), ("each", list), ("values", layout, column), ("where", column, value): the value
        where the column has one, else None."""

class Column:
    """The values of one field for all rows of a batch."""

    @staticmethod
    def of(layout: Layout, values: list[Any]) -> Column:
        """From values as records hold them. DeclinedError for one that the layout cannot hold as it is."""

    @staticmethod
    def constant(value: bool | int | float | str | bytes | None, rows: int) -> Column: ...
    @staticmethod
    def ints(values: Sequence[int]) -> Column: ...
    @staticmethod
    def structure(rows: int, fields: Sequence[Column], valid: Mask | None = None) -> Column: ...
    def __len__(self) -> int: ...
    def field(self, index: int) -> Column: ...
    def fields(self, count: int) -> list[Column]: ...
    def valid(self) -> Mask: ...
    @property
    def has_nulls(self) -> bool: ...
    @property
    def has_unchanged(self) -> bool: ...
    def equals(self, value: bytes) -> Mask:
        """The rows whose value is this text or these bytes."""

    def filter(self, mask: Mask) -> Column: ...
    def take(self, rows: Sequence[int]) -> Column: ...
    def slice(self, start: int, stop: int) -> Column: ...
    def values(self, layout: Layout) -> list[Any]:
        """As records hold them, None for null."""

    # Transforms
    def read(
        self, layout: Layout, chosen: Sequence[int] | None = None, *, defaults: bool, check: bool = True
    ) -> list[Column]:
        """The fields of a struct at `chosen` (None = all), read as transforms do: with `defaults` a null becomes its field's default;
        with `check` a null that is left in a required field of a struct that is there is a DeclinedError."""

    def rebuilt(self, fields: Sequence[Column]) -> Column:
        """A struct of these fields that is null where this column is; there the fields are null as well."""

    def within(self, mask: Mask) -> Column:
        """Null where the mask is false."""

    def filled(self, layout: Layout, value: Any, within: Mask | None = None) -> Column:
        """Nulls replaced by this value of the layout, in the rows of `within` only (None = in all)."""

    def replaced(self, layout: Layout, value: Any) -> Column:
        """This value of the layout in every row that is not null."""

    def put(self, layout: Layout, value: Any, mask: Mask) -> Column:
        """This value of the layout in the rows for which the mask is true."""

    def cast(self, layout: Layout, target: str) -> Column:
        """The values, which are of the layout, as another primitive type: int8 to int64, float32, float64, boolean or string.
        DeclinedError for a value that has no form there, or that needs a closer look."""

    def moments(self, source: str, target: str, multiplier: int, divisor: int) -> Column:
        """Numbers of one form of timestamp as those of another: "Date" (days), "Time" (milliseconds of the day), "Timestamp" (milliseconds
        since the epoch), "unix" (units since the epoch that are `multiplier` milliseconds, or of which `divisor` make one)."""

    def floored(self, unit: int) -> Column:
        """Integers rounded down to multiples of `unit`."""

    def fitted(self, layout: Layout) -> Column:
        """The column as one of the layout. DeclinedError for values of another kind, and for a null in a required field; a row that is null
        as a whole is one without schema."""

    def marked(self, before: Column) -> Column:
        """The column with the marks of `before` where it has the very value that stands there for one that was not sent."""

    def truths(self) -> Mask:
        """The rows that are true, null being false. DeclinedError for a column of another kind."""

    def first(self) -> int | None:
        """The first row that is not null."""

    @staticmethod
    def groups(columns: Sequence[Column], rows: int, limit: int) -> list[tuple[int, Mask]] | None:
        """The rows of each combination of values in the columns, in the order of their first rows: that row and all of them. None
        when there are more than `limit`; DeclinedError for containers."""

    def bounds(self) -> tuple[int, int] | None:
        """The smallest and the largest integer; None when all are null."""

    @property
    def size(self) -> int:
        """Bytes held, roughly."""

# Buffers

class Buffer:
    """Immutable bytes with the buffer protocol."""

    def __len__(self) -> int: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...

# JSON

def encode_single(form: str, layout: Layout, column: Column) -> tuple[Buffer, bytes]:
    """The data of all rows as Kafka's serializers write single values, and their lengths as little-endian int32, -1 for a null row.
    DeclinedError for values the form is not for."""

def decode_single(form: str, buffer: bytes | memoryview, lengths: bytes) -> Column:
    """The data as a column. DeclinedError for data that are not of the form, and for nulls."""

class JsonEncoder:
    """Writes the values of one layout as JsonConverter does. DeclinedError for a layout that is not done natively."""

    def __new__(
        cls, layout: Layout, *, numeric: bool = False, replace: bool = True, tail: bytes = b""
    ) -> JsonEncoder: ...
    def encode(self, column: Column) -> tuple[Buffer, bytes, bytes]:
        """The texts one behind the other, their lengths as little-endian int32, -1 for a null row, and their seams as in
        `PackedColumn`. DeclinedError for values of which the twin has to say what they are."""

class JsonDecoder:
    """Reads the values of one layout as JsonConverter does. DeclinedError for a layout that is not done natively."""

    def __new__(cls, layout: Layout, *, replace: bool = True) -> JsonDecoder: ...
    def decode(
        self,
        buffer: bytes | memoryview,
        lengths: bytes,
        *,
        prefix: bytes,
        tail: bytes,
        index: bytes | None = None,
        wanted: int = 0,
    ) -> Column:
        """The first data, as many as begin with `prefix` and have the number `wanted` in `index`, as a column; the arguments are as in a
        packed column, `tail` is what stands behind each payload. DeclinedError for data of which the twin has to say what they are."""

# PostgreSQL rows

class RowPlan:
    """How the rows of one shape of one PostgreSQL table become columns. Made by `sources.postgres.types.native_rows`."""

    def __new__(
        cls,
        width: int,
        outputs: Sequence[tuple[int, Any, Column | None, bool, Column | None, Column | None, bool]],
        values: int,
        key: tuple[Sequence[int], str | None, bool] | None = None,
    ) -> RowPlan: ...

def pg_texts(spec: Any, texts: list[bytes | None]) -> Column:
    """The column of the server's texts as a type plan's `native` reads them. DeclinedError for one that it does not take."""

# COPY … TO STDOUT, the snapshot's rows

class CopyReader:
    """Reads what the server sends during one COPY: rows become columns, or lines where a value is not taken. One thread uses it.
    `sources`: which of the table's columns each field of the COPY is; `wires`: the binary form of each, None for the text format."""

    def __new__(
        cls, plan: RowPlan | None, sources: Sequence[int], wires: Sequence[str] | None = None
    ) -> CopyReader: ...
    def go_on(self, plan: RowPlan | None) -> None: ...
    def feed(self, received: bytes) -> None: ...
    def decode(
        self, max_rows: int, max_bytes: int, all: bool
    ) -> tuple[int, list[Column] | None, list[bytes] | None, int] | None:
        """The next rows: (how many, columns, None, bytes), or (how many, None, lines, bytes); None where no row is left in front of the
        next message. Until a limit is reached rows are kept, unless `all` there are is wanted. DeclinedError for what is no COPY data."""

    def message(self) -> tuple[int, bytes] | None:
        """The next message that is no row: type and body."""

    @property
    def kept(self) -> int:
        """Rows that are decoded and not given out yet."""

def pg_binary_text(wire: str, value: bytes) -> bytes:
    """The text that the server would show of a value in a binary form."""

def pg_binaries(spec: Any, wire: str, values: list[bytes | None]) -> Column:
    """The column of values in binary form as the op of a spec reads them."""

# Packed columns of encoded data; `headrace.spi.columns.PackedColumn` says what the arguments are. TypeError for a buffer that may
# change, DeclinedError for lengths, rows or prefixes that do not fit together.

_Bytes = bytes | memoryview | Buffer

def crc32(parts: Sequence[_Bytes], start: int) -> int:
    """zlib's crc32 of several buffers one behind the other, going on from `start`."""

def lz4_compress(parts: Sequence[_Bytes], limit: int, seams: tuple[int, _Bytes, _Bytes] | None = None) -> Buffer | None:
    """The buffers, one behind the other, as blocks of LZ4; None unless that takes less than `limit` bytes. `seams`: which buffer is
    that of a packed column, its lengths and its seams. See headrace.log.embedded.compression."""

def lz4_decompress(blocks: _Bytes, size: int) -> Buffer:
    """The `size` bytes that were compressed. DeclinedError for blocks that are not exactly that."""

def packed_size(lengths: bytes) -> int:
    """How many bytes the data of these lengths have."""

def packed_data(buffer: _Bytes, lengths: bytes) -> list[bytes | None]:
    """The data as objects, without prefixes."""

def packed_take(
    buffer: _Bytes, lengths: bytes, prefix: int | bytes | None, rows: bytes
) -> tuple[Buffer, bytes, bytes | None]:
    """Buffer, lengths and, where each row has its own, prefix indexes of the rows at these positions (little-endian u32 each)."""

def packed_partitions(
    buffer: _Bytes,
    lengths: bytes,
    prefixes: Sequence[bytes],
    prefix: int | bytes | None,
    partitions: int,
    unkeyed: int,
) -> list[bytes]:
    """Positions (little-endian u32 each) of the rows of each partition, by Kafka's murmur2 of the key; rows without key go to
    `unkeyed`."""

# -- the PostgreSQL sink: rows to COPY … FROM STDIN --------------------------------------------------------------------

class SinkRules:
    """What the rows of one kind of record mean to a sink: which are written or deleted, and by which key."""

    def __new__(
        cls,
        *,
        envelope: tuple[int, int, int] | None,
        key: str,
        key_fields: Sequence[int],
        on_null: str,
        deletes: bool,
        keep_all: bool,
        marks: Sequence[tuple[int, int, Column | None]],
        fields: int,
    ) -> SinkRules:
        """`envelope`: places of op, before, after; None for plain rows. `key`: none, key, plain, value or given. `on_null`: skip, delete
        or error. `marks`: of each field that may stand for "unchanged" its position, its place, and the values it has then."""

    def sort(
        self,
        parts: Sequence[tuple[int, Column | None, Column | None, Sequence[Column]]],
        ordinals: Sequence[Sequence[int]] | None,
    ) -> SortedRows:
        """The last word per key of blocks' rows: (rows, key, value, columns of a key made for it). `ordinals`: their order when it is not
        that of the parts. DeclinedError for rows that are an error, or done another way."""

class SortedRows:
    """Rows by what happens to them."""

    @property
    def segments(self) -> list[tuple[int, int, int, list[tuple[list[int], int]]]]:
        """Per segment how many deletes, rows, and rows that were not there before the batch, and of each set of columns left out its positions and how many rows."""

class CopyEncoder:
    """Writes rows as the data of COPY … FROM STDIN (FORMAT binary)."""

    def __new__(cls, columns: Sequence[tuple[str, int, Layout, tuple[str, list[int]], bool, bool]]) -> CopyEncoder:
        """Per column: place ("k" key, "r" row) and index, layout, form with its numbers, whether null is an error, whether the layout's
        default stands for null. DeclinedError for a form that does not fit."""

    def pieces(self, sorted: SortedRows, segment: int, which: int, size: int) -> Iterator[bytes]:
        """The data in pieces of about `size` bytes. `which`: -1 all rows to write, -2 deletes, -3 rows that were not there before the batch,
        -4 the other rows, else the number of a set of columns left out. The iterator raises DeclinedError at a row that is not done
        natively; what it gave before is to be thrown away then."""

class Places:
    """Where the records of a decoded batch lie in the log."""

    def __len__(self) -> int: ...
    def at(self, ordinal: int) -> int | tuple[tuple[int | None, int, int], tuple[int, int, int, str, int]]:
        """The number of the offset that Python made for a record, or of its event: xid, commit time and end of the transaction before;
        number of its context, position, number there, operation, the transaction's end if it was its last."""

class StreamBlocks:
    """Splits a replication connection's bytes where transactions are streamed; see native/core/src/pg/blocks.rs."""

    def __new__(cls) -> StreamBlocks: ...
    def split(self, chunk: bytes) -> list[tuple[str, int, bytes]]:
        """Of each piece: plain, block, end, foreign or malformed; the transaction of a block; its bytes."""

class ReplicationStream:
    """PostgreSQL's replication stream; see native/py/src/pgoutput.rs. One thread uses it."""

    def __new__(
        cls,
        texts: tuple[str, str, str, str],
        tombstones: bool,
        skipped: str,
        skip_unchanged: bool,
        position: tuple[int, int | None],
        start: tuple[int, int | None],
    ) -> ReplicationStream: ...
    def track(self) -> None: ...
    def add_table(self, plan: RowPlan, schema: str, table: str, wires: Sequence[str] | None = None) -> int: ...
    def drop_table(self, number: int) -> None: ...
    def route(self, relation: int, table: int | None, wires: Sequence[str] | None = None) -> None: ...
    def add(self, chunk: bytes) -> None: ...
    def run(self, limit: int) -> str:
        """Why it ended: drained, full, twin or foreign."""

    def pending(self) -> int: ...
    def for_twin(self) -> list[bytes]: ...
    def rest(self) -> bytes: ...
    @property
    def records(self) -> int: ...
    def show(
        self,
    ) -> tuple[
        tuple[bool, bool, int, int, int, int | None, int, bool],
        int,
        tuple[int, int, int, int, int, int, int | None, int | None] | None,
        list[int],
        tuple[int, tuple[int | None, int, int], tuple[int, int, int, str, int], bool] | None,
    ]: ...
    def context(self) -> tuple[tuple[int | None, int, int], str | None, int | None]: ...
    def complete(self, event: int, end: int) -> None: ...
    def resume(
        self,
        state: tuple[bool, bool, int, int, int, int | None, int, bool],
        passive: bool,
        open: str,
        given: int | None = None,
        context: tuple[tuple[int | None, int, int], str | None, int | None] | None = None,
    ) -> int: ...
    def add_given(self, numbers: Sequence[int]) -> int: ...
    def take(self, clock_ns: int) -> tuple[list[tuple[int, Column | None, Column, bytes]], Places]: ...

# Redis

class RespPlan:
    """How the rows of one pair of schemas become commands of Redis. DeclinedError for schemas that are not done natively."""

    def __new__(
        cls,
        *,
        key_layout: Layout | None,
        key: Sequence[tuple[bytes | None, int, bool]],
        member: Sequence[tuple[bytes | None, int, bool]],
        collection: bool,
        layout: Layout | None,
        envelope: tuple[int, int | None, int] | None,
        write: str,
        defaults: Sequence[bytes | None],
        old_defaults: Sequence[bytes | None],
        placeholder: tuple[bytes, bytes],
        ttl: int,
    ) -> RespPlan:
        """`key`: literals, or fields of the key (-1: the key itself) and whether null there is the twin's. `member`: the same of what is
        put into a collection. `collection`: tombstones do nothing. `layout`: of the value, None = all are tombstones; `envelope`: its
        fields op, before, after. `write`: redis.type in lower case; `defaults`: per field of the row what null is written as;
        `old_defaults`: of the row before. `placeholder`: its text, and the UUID of that. `ttl`: seconds, 0 = for ever."""

class RespRows:
    """The rows of a batch in the order of their ordinals."""

    def __new__(
        cls,
        parts: Sequence[tuple[RespPlan | None, Column | None, Column | None, Sequence[int]]],
        skips: Sequence[tuple[int, int]],
    ) -> RespRows:
        """A part: (plan, key, value, ordinals); without a plan its rows are the twin's. `skips`: ranges of ordinals to be left out."""

    def __len__(self) -> int: ...
    def encode(self, start: int, count: int, limit: int) -> RespCommands:
        """The commands from row number `start` on, of at most `count` rows, ended by the first row that reaches `limit` bytes."""

class RespCommands:
    """The commands of some rows that follow each other."""

    def __len__(self) -> int: ...
    @property
    def twins(self) -> list[tuple[int, int, int]]:
        """(row, part, row of the part) of each row whose commands the twin has to make."""

    def spliced(self, given: Sequence[tuple[bytes, int]]) -> RespCommands:
        """With the twin's commands put in, and how many answers they give; if they are fewer, cut before the first row that has none."""

    def cut(self, start: int, limit: int) -> int:
        """Where a piece from row `start` on ends that is to end with the first row that reaches `limit` bytes."""

    def piece(self, start: int, stop: int) -> tuple[bytes, int]:
        """The commands of rows `start` to below `stop`, and how many answers they give."""

    def spans(self, start: int, stop: int, starts: Sequence[int]) -> list[tuple[int, int, int, int | None]]:
        """(run, first ordinal, last ordinal, first ordinal with commands) of what the runs that begin at `starts` have of these rows."""

    def origins(self, start: int, stop: int) -> list[tuple[int, int, int]]:
        """(part, row of the part, ordinal) of rows `start` to below `stop`."""

class RespScanner:
    """Finds the end of the answers to a pipeline of commands."""

    def __new__(cls, replies: int) -> RespScanner: ...
    def feed(self, bytes: bytes) -> tuple[bool, bool] | None:
        """Takes the next bytes. (errors, nulls): whether there were such answers, as soon as all are there. DeclinedError for what is
        no answer, or one too many."""
