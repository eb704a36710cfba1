"""Values that must come through the whole path as they are, or stay as they were."""

from __future__ import annotations

import pytest

_ARRAYS = {
    "f": ("float8[]", "g"),
    "r": ("float4[]", "g"),
    "s": ("int2[]", "g"),
    "b": ("bool[]", "g % 2 = 0"),
    "nu": ("numeric(10,2)[]", "g"),
    "nn": ("numeric[]", "g"),
    "d": ("date[]", "date '2020-01-01' + g"),
    "ts": ("timestamp[]", "timestamp '2020-01-01' + g * interval '1s'"),
    "tz": ("timestamptz[]", "timestamptz '2020-01-01 00:00Z' + g * interval '1s'"),
    "u": ("uuid[]", "gen_random_uuid()"),
    "j": ("jsonb[]", "jsonb_build_object('a', g)"),
    "y": ("bytea[]", "int4send(g)"),
    "t": ("text[]", "'x' || g"),
}
_SCALARS = {
    "v": ("numeric", "repeat('9', 60000)::numeric"),
    "w": ("numeric(1000,3)", "repeat('8', 990)::numeric"),
    "bits": ("bit varying", "repeat('10', 40000)::varbit"),
}


@pytest.mark.parametrize("precision", ["adaptive", "connect"])
def test_an_update_leaves_long_values_of_every_type_as_they_are(pipe, precision):
    p = pipe({"time.precision.mode": precision})
    columns = {name: kind for name, (kind, _) in (_ARRAYS | _SCALARS).items()}
    p.source.execute(f"CREATE TABLE a (id int PRIMARY KEY, n int, {', '.join(f'{c} {k}' for c, k in columns.items())})")
    for name in columns:
        p.source.execute(f"ALTER TABLE a ALTER {name} SET STORAGE EXTERNAL")
    p.start().settle()
    makers = [f"(SELECT array_agg({value}) FROM generate_series(1, 9000) g)" for _, value in _ARRAYS.values()]
    makers += [value for _, value in _SCALARS.values()]
    p.source.execute(f"INSERT INTO a SELECT 1, 1, {', '.join(makers)}")
    p.take(1)
    p.source.execute("UPDATE a SET n = 2")
    p.take(1)
    differ = [
        name
        for name in ("n", *columns)
        if p.rows(f"SELECT md5({name}::text) FROM a") != p.copied(f"SELECT md5({name}::text) FROM srv_public_a")
    ]
    assert differ == []


def test_numerics_of_more_digits_than_python_converts_by_default(pipe):
    p = pipe()
    p.source.execute("CREATE TABLE a (id int PRIMARY KEY, n numeric)")
    p.start().settle()
    p.source.execute(
        "INSERT INTO a VALUES (1, ('-' || repeat('9', 130000) || '.5')::numeric), (2, ('0.' || repeat('1', 6000))::numeric)"
    )
    p.take(2)
    assert p.copied("SELECT * FROM srv_public_a ORDER BY id") == p.rows("SELECT * FROM a ORDER BY id")


@pytest.mark.parametrize(
    "precision", ["adaptive", "adaptive_time_microseconds", "microseconds", "nanoseconds", "isostring"]
)
def test_infinite_dates_and_times_stay_infinite(pipe, precision):
    p = pipe({"time.precision.mode": precision})
    p.source.execute("CREATE TABLE a (id int PRIMARY KEY, d date, t timestamp, z timestamptz, l date[])")
    p.start().settle()
    p.source.execute(
        "INSERT INTO a VALUES (1, 'infinity', 'infinity', 'infinity', '{infinity}'),"
        " (2, '-infinity', '-infinity', '-infinity', '{-infinity}'), (3, '2020-01-01', '2020-01-01', '2020-01-01', '{2020-01-01}')"
    )
    p.take(3)
    query = "SELECT id, d::text, t::text, z::text, l::date[]::text FROM {} ORDER BY id"
    assert p.copied(query.format("srv_public_a")) == p.rows(query.format("a"))


def test_output_settings_of_database_and_role_change_nothing(pipe):
    p = pipe()
    name = p.source.info.dbname
    for setting in (
        "bytea_output = escape",
        "extra_float_digits = -10",
        "datestyle = German",
        "timezone = 'Asia/Kolkata'",
    ):
        p.source.execute(f"ALTER DATABASE {name} SET {setting}")
    p.source.execute("CREATE TABLE a (id int PRIMARY KEY, y bytea, f float8, z timestamptz, d date)")
    row = r"'\x00ff41', 0.1::float8 / 3, '2021-03-04 05:06:07.123456+11', '0044-03-15 BC'"
    p.source.execute(f"INSERT INTO a VALUES (1, {row})")
    p.take(1)
    p.source.execute(f"INSERT INTO a VALUES (2, {row})")
    p.take(1)
    query = "SELECT id, y, f, z::text, d::text FROM {} ORDER BY id"
    assert p.copied(query.format("srv_public_a")) == p.rows(query.format("a"))


@pytest.mark.parametrize("replaced", [True, False])
def test_null_in_a_column_with_a_default(pipe, replaced):
    """Connect's converter turns such a NULL into the default unless replace.null.with.default=false; then it stays NULL."""
    p = pipe(converter={"replace.null.with.default": str(replaced).lower()})
    p.source.execute("CREATE TABLE d (id int PRIMARY KEY, n int DEFAULT 7, s text DEFAULT 'x', b bool DEFAULT true)")
    p.source.execute("INSERT INTO d VALUES (1, NULL, NULL, NULL)")
    p.take(1)
    p.runner.settle()
    p.source.execute("INSERT INTO d VALUES (2, NULL, NULL, NULL); UPDATE d SET n = NULL WHERE id = 1")
    p.take(2)
    expected = (7, "x", True) if replaced else (None, None, None)
    assert p.copied("SELECT id, n, s, b FROM srv_public_d ORDER BY id") == [(1, *expected), (2, *expected)]
