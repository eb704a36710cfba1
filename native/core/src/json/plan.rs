//! Plan: what a layout and the converter's settings say about the JSON of its values, worked out once.

use std::sync::Arc;

use super::room::{byte, int, slice, written};
use super::{base64, decimal, floats, text};
use crate::column::Scalar;
use crate::error::{Declined, Result};
use crate::layout::{Kind, Layout};

/// How deep containers may be nested; deeper ones are the twin's.
pub(super) const DEEPEST: usize = 64;

/// The converter's settings. `numeric`: decimals as numbers instead of base64 of their bytes. `replace`: a null is written as its schema's
/// default, where there is one. `tail`: what stands behind every value.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub numeric: bool,
    pub replace: bool,
    pub tail: Vec<u8>,
}

/// The plan of a whole value.
#[derive(Debug)]
pub struct Plan {
    pub(super) root: Node,
    pub(super) options: Options,
}

/// One value. `null`: the text for null; None where it is refused. `prefixes` (structs): the text in front of each field's value.
#[derive(Debug)]
pub(super) struct Node {
    pub layout: Arc<Layout>,
    pub null: Option<Vec<u8>>,
    pub children: Vec<Node>,
    pub prefixes: Vec<Vec<u8>>,
}

impl Plan {
    pub fn new(layout: &Arc<Layout>, options: Options) -> Result<Plan> {
        let root = node(layout, &options, 0)?;
        Ok(Plan { root, options })
    }
}

fn node(layout: &Arc<Layout>, options: &Options, depth: usize) -> Result<Node> {
    if depth > DEEPEST {
        return Err(Declined::Value("a schema nested that deep"));
    }
    let null = match &layout.default {
        Some(default) if options.replace => Some(scalar(&layout.kind, default, options.numeric)?),
        _ => layout.optional.then(|| b"null".to_vec()),
    };
    let (mut children, mut prefixes) = (Vec::new(), Vec::new());
    match &layout.kind {
        Kind::Struct(fields) => {
            for (at, field) in fields.iter().enumerate() {
                children.push(node(&field.layout, options, depth + 1)?);
                prefixes.push(field_prefix(at, &field.name)?);
            }
        }
        Kind::List(items) => children.push(node(items, options, depth + 1)?),
        Kind::Map(_, values) => children.push(node(values, options, depth + 1)?),
        _ => {}
    }
    Ok(Node { layout: layout.clone(), null, children, prefixes })
}

/// What stands in front of the value of the field that is number `at` of its struct: the brace or the comma, the name, the colon.
pub(super) fn field_prefix(at: usize, name: &str) -> Result<Vec<u8>> {
    written(|room| {
        let start = byte(room, 0, if at == 0 { b'{' } else { b',' });
        let end = start.and_then(|at| text::quoted(room, at, name.as_bytes()));
        Ok(end.and_then(|at| byte(room, at, b':')))
    })
}

/// The text of a value that is not null, of a kind that is no container.
pub(super) fn scalar(kind: &Kind, value: &Scalar, numeric: bool) -> Result<Vec<u8>> {
    written(|room| {
        Ok(match (kind, value) {
            (Kind::Bool, Scalar::Bool(value)) => slice(room, 0, if *value { b"true" } else { b"false" }),
            (Kind::Float64, Scalar::Float(value)) => floats::double(room, 0, *value),
            (Kind::Float32, Scalar::Float(value)) => floats::single(room, 0, *value),
            (Kind::Str, Scalar::Bin(value)) => text::quoted(room, 0, value),
            (Kind::Bytes, Scalar::Bin(value)) => base64::quoted(room, 0, value),
            (Kind::Decimal { scale }, Scalar::Bin(value)) if value.len() <= decimal::LONGEST => {
                if numeric {
                    decimal::number(room, 0, value, *scale)
                } else {
                    decimal::quoted(room, 0, value)
                }
            }
            (_, Scalar::Int(value)) if fits(kind, *value) => int(room, 0, *value),
            _ => return Err(Declined::Value("a value that does not fit its layout")),
        })
    })
}

/// The integers of a kind; empty for kinds that are none.
pub(super) fn bounds(kind: &Kind) -> (i64, i64) {
    match kind {
        Kind::Int8 => (i64::from(i8::MIN), i64::from(i8::MAX)),
        Kind::Int16 => (i64::from(i16::MIN), i64::from(i16::MAX)),
        Kind::Int32 => (i64::from(i32::MIN), i64::from(i32::MAX)),
        Kind::Int64 | Kind::Date | Kind::Time | Kind::Timestamp => (i64::MIN, i64::MAX),
        _ => (1, 0),
    }
}

pub(super) fn fits(kind: &Kind, value: i64) -> bool {
    let (low, high) = bounds(kind);
    (low..=high).contains(&value)
}
