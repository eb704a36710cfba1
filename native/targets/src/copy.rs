//! COPY … TO STDOUT, and PostgreSQL's binary forms.

use std::sync::Arc;

use headrace_core::column::Column;
use headrace_core::pg::binary::Wire;
use headrace_core::pg::copy_rows::{copy_plan, CopyRows, Found, Limits};
use headrace_core::pg::copy_stream::{CopyStream, Format, Next};
use headrace_core::pg::plan::{Op, TextOf};
use headrace_core::pg::row::{Null, Output, RowPlan};

use crate::ops::op;

const WIRES: [&str; 32] = [
    "bool",
    "int2",
    "int4",
    "int8",
    "oid",
    "float4",
    "float8",
    "numeric",
    "text",
    "jsonb",
    "bytea",
    "uuid",
    "date",
    "time",
    "timetz",
    "timestamp",
    "timestamptz",
    "interval",
    "interval_finite",
    "inet",
    "macaddr",
    "macaddr8",
    "bits",
    "point",
    "array:int4",
    "array:text",
    "array:numeric",
    "array:timestamptz",
    "array:bytea",
    "range:int4",
    "range:numeric",
    "range:timestamptz",
];

/// A value of any type in any binary form: where it is taken, so is its text, as the same, unless that is left to the twin.
pub fn pg_binary(data: &[u8]) {
    let Some((&first, rest)) = data.split_first() else { return };
    let Some((op, value)) = op(rest, 0) else { return };
    let Some(wire) = WIRES.get(usize::from(first) % WIRES.len()).and_then(|name| Wire::parse(name)) else { return };
    let (mut text, mut scratch) = (Vec::new(), Vec::new());
    let written = wire.write_text(value, &mut text).is_ok();
    let found = one(&op, |out| op.decode_binary(&wire, value, out, &mut scratch));
    if let Some(found) = &found {
        assert!(written, "{op:?} takes a value that has no text");
        if let Some(by_text) = one(&op, |out| op.decode_text(&text, out)) {
            // NaN is no equal of itself.
            assert_eq!(
                format!("{found:?}"),
                format!("{by_text:?}"),
                "{op:?} {wire:?} {:?}",
                String::from_utf8_lossy(&text)
            );
        }
    }
}

fn one(
    op: &Op,
    decode: impl FnOnce(&mut headrace_core::pg::out::Out) -> headrace_core::error::Result<()>,
) -> Option<Column> {
    let mut out = op.out();
    if decode(&mut out).is_err() {
        out.truncate(0);
        assert_eq!(out.rows(), 0);
        return None;
    }
    assert_eq!(out.rows(), 1);
    Some(out.finish())
}

/// What the server sends, in one piece and in many: the rows are the same.
pub fn pg_copy(data: &[u8]) {
    let Some((&[settings, step], bytes)) = data.split_first_chunk::<2>() else { return };
    let format = if settings & 1 == 0 { Format::Text } else { Format::Binary };
    let limits = Limits { rows: 1 + usize::from(settings >> 4), bytes: 64 };
    let whole = read(format, limits, bytes.chunks(bytes.len().max(1)));
    let cut = read(format, limits, bytes.chunks(1 + usize::from(step)));
    let common = whole.rows.len().min(cut.rows.len());
    assert_eq!(whole.rows.get(..common), cut.rows.get(..common));
    assert_eq!(whole.broken, cut.broken);
    // How many rows come before what is no COPY differs.
    assert!(whole.broken || whole.rows.len() == cut.rows.len());
}

struct Seen {
    rows: Vec<String>,
    broken: bool,
}

fn read<'a>(format: Format, limits: Limits, pieces: impl Iterator<Item = &'a [u8]>) -> Seen {
    let (plan, wires) = plan(format);
    let Ok(mut rows) = CopyRows::new(Some(Arc::new(plan)), wires) else { panic!("the plan fits") };
    let mut stream = CopyStream::new(format);
    let mut seen = Vec::new();
    for piece in pieces {
        stream.feed(piece);
        if !drained(&mut stream, &mut rows, limits, false, &mut seen) {
            return Seen { rows: seen, broken: true };
        }
    }
    let broken = !drained(&mut stream, &mut rows, limits, true, &mut seen);
    Seen { rows: seen, broken }
}

fn drained(stream: &mut CopyStream, rows: &mut CopyRows, limits: Limits, all: bool, seen: &mut Vec<String>) -> bool {
    loop {
        match rows.decode(stream, limits, all) {
            Ok(Found::Rows { rows, columns, .. }) => {
                assert!(columns.iter().all(|column| column.rows == rows));
                assert!(rows <= limits.rows);
                for row in 0..rows {
                    let cells = columns.iter().map(|one| (one.is_valid(row), one.int(row), one.bin(row).to_vec()));
                    seen.push(format!("{:?}", cells.collect::<Vec<_>>()));
                }
            }
            Ok(Found::Lines { lines, .. }) => {
                assert!(!lines.is_empty());
                seen.extend(lines.iter().map(|line| format!("{line:?}")));
            }
            Ok(Found::Nothing) => match stream.peek() {
                Ok((Next::Message(kind, body), behind)) => {
                    seen.push(format!("{kind} {body:?}"));
                    stream.advance(behind);
                }
                Ok(_) => return true,
                Err(_) => return false,
            },
            Err(_) => return false,
        }
    }
}

fn plan(format: Format) -> (RowPlan, Vec<Wire>) {
    let output = |source: usize, op: Op| Output {
        source,
        op,
        null: Null::Refused,
        unchanged: None,
        zero: None,
        fills: false,
        wire: None,
    };
    let outputs = vec![output(0, Op::Int), output(2, Op::Text(TextOf::Plain)), output(2, Op::Text(TextOf::Plain))];
    let made = RowPlan::new(3, outputs, 2, None).and_then(|plan| copy_plan(&plan, &[0, 2]));
    let wires = match format {
        Format::Text => Vec::new(),
        Format::Binary => vec![Wire::Int4, Wire::Text],
    };
    match made {
        Ok(plan) => (plan, wires),
        Err(error) => panic!("{error}"),
    }
}
