//! C structs as columns: any producer's, in whatever layout; copied, so that the producer's memory is released at once.

use super::abi::{ArrowArray, ArrowArrayStream, ArrowSchema, NULLABLE};
use super::field::{Field, Type};
use super::format::{self, Format};
use super::import_data::{column, Range};
use super::join;
use super::reader::BROKEN;
use crate::column::Column;
use crate::error::{Declined, Result};

const DEEPEST: usize = 64;
const UNKNOWN: Declined = Declined::Value("an Arrow type that has no counterpart");

/// A schema as read: the field it stands for here, and how the producer's memory is laid out.
pub struct Plan {
    pub format: Format,
    pub children: Vec<Plan>,
    /// Of dictionary-encoded values: how the values are laid out, and `format` is that of the indexes.
    pub dictionary: Option<Box<Plan>>,
}

/// An array of the schema's type; both are released.
pub fn array(schema: ArrowSchema, array: ArrowArray) -> Result<(Field, Column)> {
    let (field, plan) = read_schema(&schema, 0)?;
    let (rows, _) = array.extent()?;
    Ok((field, column(&plan, &array, Range { start: 0, rows })?))
}

/// All arrays of a stream, one behind the other.
pub fn stream(mut stream: ArrowArrayStream) -> Result<(Field, Column)> {
    let failed = Declined::Value("an Arrow stream that failed");
    let (Some(get_schema), Some(get_next)) = (stream.get_schema, stream.get_next) else { return Err(BROKEN) };
    let mut schema = ArrowSchema::empty();
    // SAFETY: the stream is not released, and the place to write to is a released schema, as the interface wants it.
    if unsafe { get_schema(&mut stream, &mut schema) } != 0 {
        return Err(failed);
    }
    let (field, plan) = read_schema(&schema, 0)?;
    let mut pieces = Vec::new();
    loop {
        let mut next = ArrowArray::empty();
        // SAFETY: as above. A released array is the end.
        if unsafe { get_next(&mut stream, &mut next) } != 0 {
            return Err(failed);
        }
        if next.release.is_none() {
            break;
        }
        let (rows, _) = next.extent()?;
        pieces.push(column(&plan, &next, Range { start: 0, rows })?);
    }
    Ok((field, join::concat(&pieces)?))
}

fn read_schema(schema: &ArrowSchema, depth: usize) -> Result<(Field, Plan)> {
    if depth > DEEPEST {
        return Err(Declined::Value("Arrow types nested too deeply"));
    }
    let format = format::parse(&schema.format_text()?).ok_or(UNKNOWN)?;
    let mut fields = Vec::new();
    let mut plans = Vec::new();
    for index in 0..schema.child_count()? {
        let (field, plan) = read_schema(schema.child(index)?, depth + 1)?;
        fields.push(field);
        plans.push(plan);
    }
    let mut plan = Plan { format: format.clone(), children: plans, dictionary: None };
    let mut kind = kind_of(&format)?;
    let mut children = fields;
    match format {
        Format::Map => {
            let [entries] = children.as_mut_slice() else { return Err(BROKEN) };
            let pair = std::mem::take(&mut entries.children);
            let [key, value] = <[Field; 2]>::try_from(pair).map_err(|_| BROKEN)?;
            children = vec![key, value];
        }
        Format::List(_) | Format::FixedList(_) if children.len() != 1 => return Err(BROKEN),
        _ => {}
    }
    if let Some(of_values) = schema.dictionary()? {
        let (field, values) = read_schema(of_values, depth + 1)?;
        if !matches!(format, Format::Int(..)) {
            return Err(BROKEN);
        }
        kind = field.kind;
        children = field.children;
        plan.dictionary = Some(Box::new(values));
    }
    let field = Field {
        name: schema.name_text()?,
        nullable: schema.flags & NULLABLE != 0,
        metadata: schema.metadata_pairs()?,
        kind,
        children,
    };
    Ok((field, plan))
}

/// The type of column that holds all values of a format.
fn kind_of(format: &Format) -> Result<Type> {
    Ok(match format {
        Format::Null => Type::Null,
        Format::Bool => Type::Bool,
        Format::Int(1, true) => Type::Int8,
        Format::Int(2, true) | Format::Int(1, false) => Type::Int16,
        Format::Int(4, true) | Format::Int(2, false) => Type::Int32,
        Format::Int(..) => Type::Int64,
        Format::Float(2 | 4) => Type::Float32,
        Format::Float(_) => Type::Float64,
        Format::Text(_) | Format::TextView => Type::Utf8,
        Format::Bytes(_) | Format::BytesView | Format::FixedBytes(_) => Type::Binary,
        Format::Decimal(precision, scale, _) => Type::Decimal { precision: *precision, scale: *scale },
        Format::Date32 | Format::Date64 => Type::Date,
        Format::Time(..) => Type::Time,
        Format::Timestamp(_) => Type::Timestamp,
        Format::Struct => Type::Struct,
        Format::List(_) | Format::FixedList(_) => Type::List,
        Format::Map => Type::Map,
    })
}
