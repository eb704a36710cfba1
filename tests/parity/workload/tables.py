"""Random tables: columns, keys, replica identities; the changes that can be made to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from tests.parity.workload.values import INT4, LARGE_TYPES, ColumnType

TEXTS = ("text", "varchar(70)", "char(12)", "mood", "short_text", "varchar(20000)")


@dataclass
class Column:
    """`default`: a literal or None."""

    name: str
    type: ColumnType
    required: bool = False
    default: str | None = None

    @property
    def sql(self) -> str:
        """As in CREATE TABLE."""
        default = f" DEFAULT {self.default}" if self.default is not None else ""
        return f'"{self.name}" {self.type.sql}{default}{" NOT NULL" if self.required else ""}'

    def literal(self, rng: Random) -> str:
        """A value for it."""
        if not self.required and rng.random() < 0.15:
            return "NULL"
        return self.type.make(rng)


@dataclass
class Table:
    """Every table has a column `n`, which the generator counts, so that rows can be named. `key`: the primary key's columns.
    `identity`: DEFAULT, FULL, or the name of a unique index."""

    schema: str
    name: str
    columns: list[Column]
    key: list[str]
    identity: str = "DEFAULT"
    types: Sequence[ColumnType] = ()
    """Those its columns may have."""
    changes: int = 0
    rows: dict[int, list[int]] = field(default_factory=dict)
    """The counter's values by writer, of rows that are most likely there."""

    @property
    def sql(self) -> str:
        """Its quoted name."""
        return f'"{self.schema}"."{self.name}"'

    @property
    def names_rows(self) -> bool:
        """True when rows can be updated and deleted while the table is published."""
        return bool(self.key) or self.identity != "DEFAULT"

    def create(self) -> list[str]:
        """The statements that make it."""
        columns = [column.sql for column in self.columns]
        if self.key:
            columns.append("PRIMARY KEY (" + ", ".join(f'"{name}"' for name in self.key) + ")")
        statements = [f"CREATE TABLE {self.sql} ({', '.join(columns)})"]
        if self.identity == "FULL":
            statements.append(f"ALTER TABLE {self.sql} REPLICA IDENTITY FULL")
        elif self.identity != "DEFAULT":
            statements.append(f'CREATE UNIQUE INDEX "{self.identity}" ON {self.sql} (n)')
            statements.append(f'ALTER TABLE {self.sql} REPLICA IDENTITY USING INDEX "{self.identity}"')
        return statements

    def values(self, rng: Random, n: int) -> dict[str, str]:
        """A row: column name to literal; a column with a default may be absent."""
        row = {}
        for column in self.columns:
            if column.name == "n":
                row["n"] = str(n)
            elif column.default is None or rng.random() < 0.7:
                row[column.name] = column.literal(rng)
        return row


def random_column(rng: Random, types: Sequence[ColumnType], name: str, *, optional: bool = False) -> Column:
    """`optional`: may be added to a table that has rows."""
    type = rng.choice(LARGE_TYPES) if rng.random() < 0.12 else rng.choice(types)
    default = type.make(rng) if not type.large and rng.random() < 0.3 else None
    # Debezium ends at what it cannot fill: an unchanged bytea that is stored apart and NOT NULL, where binary.handling.mode makes text of
    # it; in a row of which only the key is sent, a timestamp that is NOT NULL and has a default, in nanoseconds.
    unfillable = (type.large and type.sql == "bytea") or type.sql.startswith("timestamp")
    may_be_required = (default is not None or not optional) and not unfillable
    required = may_be_required and rng.random() < 0.3
    return Column(name, type, required, default)


def random_table(rng: Random, types: Sequence[ColumnType], number: int, schema: str) -> Table:
    """A table of 2 to 14 columns."""
    counter = Column("n", INT4, required=True)
    columns = [counter]
    for index in range(rng.randrange(1, 14)):
        name = rng.choice((f"c{index}", f"C{index}", f"c {index}", f"é{index}", f"{index}c", f"c${index}"))
        column = random_column(rng, types, name)
        if column.type.sql in TEXTS and rng.random() < 0.5:
            # The name that masks are set for. Of a required column of another type Debezium's masks may make NULL, at which it ends.
            column.name = f"m{index}"
        columns.append(column)
    rng.shuffle(columns)
    kind = rng.choice(("none", "single", "single", "single", "composite"))
    key = [] if kind == "none" else ["n"]
    if kind == "composite":
        usable = [c for c in columns if c.type.key and c.name != "n"]
        for column in rng.sample(usable, min(len(usable), rng.choice((1, 2)))):
            # Named apart: of a key column that is left out of the rows, Debezium's snapshot makes up a value.
            column.name, column.required = f"k{len(key)}", True
            key.append(column.name)
        rng.shuffle(key)
    table = Table(schema, rng.choice((f"t{number}", f"T {number}", f"t_{number}")), columns, key, types=types)
    # An index that lacks columns of the key is left out: Debezium then makes up zeros for them, ours refuses.
    indexed = f"index{number}" if key in ([], ["n"]) else "DEFAULT"
    table.identity = rng.choice(("DEFAULT", "DEFAULT", "FULL", indexed))
    return table
