//! JSON: payloads of a schema that the first bytes choose.

use std::sync::Arc;

use headrace_core::column::{Column, Scalar};
use headrace_core::json::{decode, encode, Data, Options, Plan, Shape};
use headrace_core::layout::{Field, Kind, Layout};

/// A payload three times, the second as a null row: what is read and written again is read as the same.
pub fn json(data: &[u8]) {
    let mut rest = data;
    let settings = next(&mut rest);
    let layout = layout(&mut rest, 0);
    let (numeric, replace) = (settings & 1 == 1, settings & 2 == 2);
    let (Ok(shape), Ok(plan)) =
        (Shape::new(&layout, replace), Plan::new(&layout, Options { numeric, replace, tail: b"}".to_vec() }))
    else {
        return;
    };
    let Ok(size) = i32::try_from(rest.len()) else { return };
    let lengths = [size, -1, size].into_iter().flat_map(i32::to_le_bytes).collect::<Vec<u8>>();
    let Ok(column) = decode(&shape, &Data { bytes: &rest.repeat(2), lengths: &lengths, ..Data::default() }) else {
        return;
    };
    assert_eq!(column.rows, 3);
    let Some((text, lengths)) = written(&plan, &column) else { return };
    let data = Data { bytes: &text, lengths: &lengths, tail: b"}", ..Data::default() };
    if let Ok(again) = decode(&shape, &data) {
        assert_eq!(written(&plan, &again), Some((text.clone(), lengths.clone())));
    }
}

fn written(plan: &Plan, column: &Column) -> Option<(Vec<u8>, Vec<u8>)> {
    let made = encode(plan, column, Vec::new()).ok()?;
    let text = made.bytes.get(..made.size)?.to_vec();
    Some((text, made.lengths.into_iter().flat_map(i32::to_le_bytes).collect()))
}

fn next(rest: &mut &[u8]) -> u8 {
    let Some((&first, behind)) = rest.split_first() else { return 0 };
    *rest = behind;
    first
}

/// One byte says the kind, whether it is optional and whether it has a default; containers take their parts from the next bytes.
fn layout(rest: &mut &[u8], depth: u8) -> Arc<Layout> {
    let choice = next(rest);
    let kind = match choice & 15 {
        0 => Kind::Bool,
        1 => Kind::Int8,
        2 => Kind::Int32,
        3 => Kind::Int64,
        4 => Kind::Float32,
        5 => Kind::Float64,
        6 => Kind::Bytes,
        7 => Kind::Decimal { scale: i32::from(next(rest) % 8) - 2 },
        8 => Kind::Date,
        9 => Kind::Time,
        10 => Kind::Timestamp,
        11 if depth < 3 => Kind::List(layout(rest, depth + 1)),
        12 if depth < 3 => Kind::Map(text(), layout(rest, depth + 1)),
        13 | 14 if depth < 3 => {
            let count = next(rest) % 5;
            let field = |at| Field { name: NAMES[usize::from(at)].to_string(), layout: layout(rest, depth + 1) };
            Kind::Struct((0..count).map(field).collect())
        }
        _ => Kind::Str,
    };
    let default = (choice & 64 != 0).then(|| match kind {
        Kind::Bool => Some(Scalar::Bool(true)),
        Kind::Float32 | Kind::Float64 => Some(Scalar::Float(1.5)),
        Kind::Str | Kind::Bytes | Kind::Decimal { .. } => Some(Scalar::Bin(Arc::from(*b"A"))),
        Kind::List(_) | Kind::Map(..) | Kind::Struct(_) => None,
        _ => Some(Scalar::Int(7)),
    });
    Arc::new(Layout { kind, optional: choice & 32 != 0, default: default.flatten(), name: None })
}

const NAMES: [&str; 5] = ["a", "b", "a name that is longer than thirty-two bytes", "é", "\"\\"];

fn text() -> Arc<Layout> {
    Arc::new(Layout { kind: Kind::Str, optional: false, default: None, name: None })
}
