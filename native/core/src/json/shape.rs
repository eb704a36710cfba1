//! Shape: what a layout and the converter's settings say about reading its values, worked out once.

use std::sync::Arc;

use super::bins::Bins;
use super::literal::Literal;
use super::plan::{bounds, field_prefix, DEEPEST};
use super::sink::{Groups, Plain, Sink};
use crate::column::Scalar;
use crate::error::{Declined, Result};
use crate::layout::{Kind, Layout};

/// What null means.
#[derive(Debug)]
pub enum OnNull {
    Refused,
    Null,
    Default(Scalar),
}

/// One value.
#[derive(Debug)]
pub struct Shape {
    pub kind: Reading,
    pub null: OnNull,
}

/// How a value that is not null is read.
#[derive(Debug)]
pub enum Reading {
    Bool,
    /// Integers from the first up to the second.
    Int(i64, i64),
    Double,
    Single,
    Text,
    Bytes,
    Decimal(i32),
    Struct(Vec<Field>),
    List(Box<Shape>),
    Map(Box<Shape>),
}

/// A field of a struct. `lead`: what stands in front of its value, with the brace or the comma, when nobody put white space there.
#[derive(Debug)]
pub struct Field {
    pub name: Vec<u8>,
    pub lead: Literal,
    pub shape: Shape,
}

/// Days, milliseconds of a day and milliseconds since the epoch that Python has a date, a time and a moment for; the twin refuses others.
const DAYS: (i64, i64) = (-719_162, 2_932_896);
const DAY_MILLIS: (i64, i64) = (0, 86_399_999);
const MILLIS: (i64, i64) = (-62_135_596_800_000, 253_402_300_799_999);

impl Shape {
    /// `replace`: null stands for the schema's default, where there is one.
    pub fn new(layout: &Arc<Layout>, replace: bool) -> Result<Shape> {
        shape(layout, replace, 0)
    }

    /// An empty column of this shape.
    pub fn sink(&self) -> Sink {
        match &self.kind {
            Reading::Bool => Sink::Bools(Plain::default()),
            Reading::Int(..) => Sink::Ints(Plain::default()),
            Reading::Double | Reading::Single => Sink::Floats(Plain::default()),
            Reading::Text | Reading::Bytes | Reading::Decimal(_) => Sink::Bins(Bins::new()),
            Reading::Struct(fields) => {
                Sink::Struct(Groups::default(), fields.iter().map(|field| field.shape.sink()).collect())
            }
            Reading::List(items) => Sink::list(items.sink()),
            Reading::Map(items) => Sink::map(items.sink()),
        }
    }
}

fn shape(layout: &Arc<Layout>, replace: bool, depth: usize) -> Result<Shape> {
    if depth > DEEPEST {
        return Err(Declined::Value("a schema nested that deep"));
    }
    let null = match &layout.default {
        Some(default) if replace => OnNull::Default(default.clone()),
        _ if layout.optional => OnNull::Null,
        _ => OnNull::Refused,
    };
    let kind = match &layout.kind {
        Kind::Bool => Reading::Bool,
        kind @ (Kind::Int8 | Kind::Int16 | Kind::Int32 | Kind::Int64) => {
            let (low, high) = bounds(kind);
            Reading::Int(low, high)
        }
        Kind::Date => Reading::Int(DAYS.0, DAYS.1),
        Kind::Time => Reading::Int(DAY_MILLIS.0, DAY_MILLIS.1),
        Kind::Timestamp => Reading::Int(MILLIS.0, MILLIS.1),
        Kind::Float32 => Reading::Single,
        Kind::Float64 => Reading::Double,
        Kind::Str => Reading::Text,
        Kind::Bytes => Reading::Bytes,
        Kind::Decimal { scale } => Reading::Decimal(*scale),
        Kind::Struct(fields) => Reading::Struct(
            fields
                .iter()
                .enumerate()
                .map(|(at, field)| {
                    Ok(Field {
                        name: field.name.clone().into_bytes(),
                        lead: Literal::new(field_prefix(at, &field.name)?),
                        shape: shape(&field.layout, replace, depth + 1)?,
                    })
                })
                .collect::<Result<_>>()?,
        ),
        Kind::List(items) => Reading::List(Box::new(shape(items, replace, depth + 1)?)),
        Kind::Map(_, items) => Reading::Map(Box::new(shape(items, replace, depth + 1)?)),
    };
    Ok(Shape { kind, null })
}
