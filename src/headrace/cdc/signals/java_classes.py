"""The Java classes that keys of incremental snapshots are made of: serial version, fields, superclass, as the JDK declares them."""

from __future__ import annotations

from typing import Final, NamedTuple

SC_WRITE_METHOD, SC_SERIALIZABLE = 0x01, 0x02


class JavaClass(NamedTuple):
    """`flags`: of the class descriptor. `fields`: (type code and, for objects, signature; name), primitives first."""

    name: str
    serial: int
    flags: int
    fields: tuple[tuple[str, str], ...] = ()
    parent: str | None = None


_NUMBER: Final = "java.lang.Number"
CLASSES: Final = {
    made.name: made
    for made in (
        JavaClass("[Ljava.lang.Object;", 0x90CE589F1073296C, SC_SERIALIZABLE),
        JavaClass("[B", 0xACF317F8060854E0, SC_SERIALIZABLE),
        JavaClass(_NUMBER, 0x86AC951D0B94E08B, SC_SERIALIZABLE),
        JavaClass("java.lang.Integer", 0x12E2A0A4F7818738, SC_SERIALIZABLE, (("I", "value"),), _NUMBER),
        JavaClass("java.lang.Long", 0x3B8BE490CC8F23DF, SC_SERIALIZABLE, (("J", "value"),), _NUMBER),
        JavaClass("java.lang.Double", 0x80B3C24A296BFB04, SC_SERIALIZABLE, (("D", "value"),), _NUMBER),
        JavaClass("java.lang.Float", 0xDAEDC9A2DB3CF0EC, SC_SERIALIZABLE, (("F", "value"),), _NUMBER),
        JavaClass("java.lang.Boolean", 0xCD207280D59CFAEE, SC_SERIALIZABLE, (("Z", "value"),)),
        JavaClass("java.util.UUID", 0xBC9903F7986D852F, SC_SERIALIZABLE, (("J", "leastSigBits"), ("J", "mostSigBits"))),
        JavaClass(
            "java.math.BigDecimal",
            0x54C71557F981284F,
            SC_SERIALIZABLE | SC_WRITE_METHOD,
            (("I", "scale"), ("Ljava/math/BigInteger;", "intVal")),
            _NUMBER,
        ),
        JavaClass(
            "java.math.BigInteger",
            0x8CFC9F1FA93BFB1D,
            SC_SERIALIZABLE | SC_WRITE_METHOD,
            (
                ("I", "bitCount"),
                ("I", "bitLength"),
                ("I", "firstNonzeroByteNum"),
                ("I", "lowestSetBit"),
                ("I", "signum"),
                ("[B", "magnitude"),
            ),
            _NUMBER,
        ),
        JavaClass("java.util.Date", 0x686A81014B597419, SC_SERIALIZABLE | SC_WRITE_METHOD),
        JavaClass("java.sql.Date", 0x14FA46683F356697, SC_SERIALIZABLE, (), "java.util.Date"),
        JavaClass(
            "org.postgresql.util.PGobject",
            0x4BF895CAAC6F6444,
            SC_SERIALIZABLE,
            (("Ljava/lang/String;", "type"), ("Ljava/lang/String;", "value")),
        ),
    )
}
"""What can be written. Reading takes any class, for a stream describes itself."""
