"""The connector settings a run is made under: one value of each axis, so that over many runs they meet in all combinations."""

from __future__ import annotations

from random import Random

AXES: tuple[tuple[dict[str, str], ...], ...] = (
    ({"tombstones.on.delete": "false"},),
    tuple(
        {"time.precision.mode": mode}
        for mode in ("adaptive_time_microseconds", "connect", "isostring", "microseconds", "nanoseconds")
    ),
    tuple({"decimal.handling.mode": mode} for mode in ("double", "string")),
    tuple({"binary.handling.mode": mode} for mode in ("base64", "base64-url-safe", "hex")),
    ({"hstore.handling.mode": "map"},),
    ({"interval.handling.mode": "string"},),
    ({"skipped.operations": "none"}, {"skipped.operations": "u"}, {"skipped.operations": "c,t"}),
    ({"include.unknown.datatypes": "true"},),
    ({"message.key.columns": "public.(.*):n"}, {"message.key.columns": "other.(.*):n;public.t1:n"}),
    (
        {"column.mask.with.5.chars": "public[.].*[.]m.*"},
        {"column.mask.hash.SHA-256.with.salt.s": ".*[.]m[1-7]"},
        {"column.truncate.to.3.chars": "public[.].*[.]m.*"},
    ),
    ({"column.exclude.list": ".*[.](c|C)3"}, {"column.include.list": ".*[.](n|[kcma].*)"}),
    ({"provide.transaction.metadata": "true"},),
    ({"schema.name.adjustment.mode": "avro", "field.name.adjustment.mode": "avro"},),
    ({"schema.name.adjustment.mode": "avro_unicode", "field.name.adjustment.mode": "avro_unicode"},),
    ({"unavailable.value.placeholder": "gone"},),
    ({"datatype.propagate.source.type": ".+[.](int4|text|uuid|int8|timestamp)"},),
    ({"extended.headers.enabled": "false"},),
    ({"skip.messages.without.change": "true"},),
    ({"message.prefix.include.list": "app"},),
    ({"topic.delimiter": "_"},),
    ({"publication.autocreate.mode": "filtered", "table.exclude.list": "public.t2"},),
    ({"money.fraction.digits": "4"},),
)
"""Each axis: what may be set instead of the default."""


def settings(rng: Random, run: int) -> dict[str, str]:
    """Of the run's number; the first run has all defaults."""
    if run == 0:
        return {}
    chosen: dict[str, str] = {}
    for axis in AXES:
        if rng.random() < 0.3:
            chosen |= rng.choice(axis)
    if any(key.startswith("column.mask.hash") for key in chosen):
        # Debezium hashes no column that tells its type, which ours does.
        chosen.pop("datatype.propagate.source.type", None)
    return chosen
