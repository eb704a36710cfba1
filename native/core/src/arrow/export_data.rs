//! The buffers of an array: those that a column has already in Arrow's form are shared with it, the others are made.

use std::any::Any;
use std::ffi::c_void;
use std::sync::Arc;

use super::abi::ArrowArray;
use super::bits::packed;
use super::export;
use super::field::{Field, Type, DIGITS_128};
use crate::column::{Bin, Column, Data};
use crate::decimals;
use crate::error::{Declined, Result};
use crate::ops;

/// Where a buffer begins, and what keeps it alive.
pub struct Buffer {
    pub pointer: *const c_void,
    pub owner: Box<dyn Any + Send>,
}

pub struct Parts {
    pub buffers: Vec<Buffer>,
    pub children: Vec<ArrowArray>,
}

const MISFIT: Declined = Declined::Value("a column of another type than its field");
const RANGE: Declined = Declined::Value("a number that its Arrow type does not hold");

fn owned<T: Send + 'static>(values: Vec<T>) -> Buffer {
    // Moving a Vec leaves its elements where they are.
    Buffer { pointer: values.as_ptr().cast::<c_void>(), owner: Box::new(values) }
}

/// A buffer that is a part of the column, whose data do not change while anybody holds the Arc.
fn shared<T>(column: &Arc<Column>, values: &[T]) -> Buffer {
    Buffer { pointer: values.as_ptr().cast::<c_void>(), owner: Box::new(column.clone()) }
}

fn absent() -> Buffer {
    Buffer { pointer: std::ptr::null(), owner: Box::new(()) }
}

fn validity(column: &Column) -> Buffer {
    match column.validity() {
        Some(valid) => owned(packed(valid.into_iter())),
        None => absent(),
    }
}

/// Numbers of a narrower type; where a row is null, zero.
fn narrowed<T: TryFrom<i64> + Default + Send + 'static>(column: &Column) -> Result<Buffer> {
    let number = |row: usize| match column.is_valid(row) {
        true => T::try_from(column.int(row)).map_err(|_| RANGE),
        false => Ok(T::default()),
    };
    Ok(owned((0..column.rows).map(number).collect::<Result<Vec<T>>>()?))
}

/// Offsets as Arrow has them: of 31 bits.
fn offsets(column: &Arc<Column>, offsets: &[u32]) -> Result<Buffer> {
    let last = offsets.last().copied().unwrap_or(0);
    i32::try_from(last).map_err(|_| Declined::TooLarge)?;
    Ok(shared(column, offsets))
}

/// The parts of an array; without `has_nulls` all rows have a value, whatever the column says.
pub fn data(field: &Field, column: &Arc<Column>, has_nulls: bool) -> Result<Parts> {
    let column = &match &column.data {
        Data::Const(_) => Arc::new(ops::spelled_out(column)?),
        Data::Null if !matches!(field.kind, Type::Null) => Arc::new(nulls(field, column.rows)),
        _ => column.clone(),
    };
    let validity = |column: &Column| if has_nulls { validity(column) } else { absent() };
    let leaf = |values: Buffer| Ok(Parts { buffers: vec![validity(column), values], children: Vec::new() });
    match (&field.kind, &column.data) {
        (Type::Null, Data::Null) => Ok(Parts { buffers: Vec::new(), children: Vec::new() }),
        (Type::Bool, Data::Bool(values)) => leaf(owned(packed(values.iter().copied()))),
        (Type::Int8, Data::Int(_)) => leaf(narrowed::<i8>(column)?),
        (Type::Int16, Data::Int(_)) => leaf(narrowed::<i16>(column)?),
        (Type::Int32 | Type::Date | Type::Time, Data::Int(_)) => leaf(narrowed::<i32>(column)?),
        (Type::Int64 | Type::Timestamp, Data::Int(values)) => leaf(shared(column, values)),
        (Type::Float32, Data::Float(values)) => leaf(owned(values.iter().map(|&one| one as f32).collect::<Vec<f32>>())),
        (Type::Float64, Data::Float(values)) => leaf(shared(column, values)),
        (Type::Utf8 | Type::Binary, Data::Bin(bin)) => Ok(Parts {
            buffers: vec![validity(column), offsets(column, &bin.offsets)?, shared(column, &bin.bytes)],
            children: Vec::new(),
        }),
        (Type::Decimal { precision, .. }, Data::Bin(bin)) => leaf(decimal(column, bin, *precision)?),
        (Type::Struct, Data::Struct(columns)) if columns.len() == field.children.len() => {
            let there = column.validity();
            let fields = field.children.iter().zip(columns);
            let children =
                fields.map(|(child, one)| export::part(child, one, there.as_deref())).collect::<Result<_>>()?;
            Ok(Parts { buffers: vec![validity(column)], children })
        }
        (Type::List, Data::List(starts, items)) => {
            let [item] = field.children.as_slice() else { return Err(MISFIT) };
            Ok(Parts {
                buffers: vec![validity(column), offsets(column, starts)?],
                children: vec![export::array(item, items)?],
            })
        }
        (Type::Map, Data::Map(starts, keys, values)) => {
            let entries = Field {
                name: "entries".to_owned(),
                nullable: false,
                metadata: Vec::new(),
                kind: Type::Struct,
                children: field.children.clone(),
            };
            let pairs = Column::new(keys.rows, Data::Struct(vec![keys.clone(), values.clone()]));
            Ok(Parts {
                buffers: vec![validity(column), offsets(column, starts)?],
                children: vec![export::array(&entries, &Arc::new(pairs))?],
            })
        }
        _ => Err(MISFIT),
    }
}

/// A column without values, in the form that the field's type has.
fn nulls(field: &Field, rows: usize) -> Column {
    let empty = || Arc::new(Column::null(0));
    let none = || Arc::new(Column::null(rows));
    let data = match field.kind {
        Type::Null => Data::Null,
        Type::Bool => Data::Bool(vec![false; rows]),
        Type::Float32 | Type::Float64 => Data::Float(vec![0.0; rows]),
        Type::Utf8 | Type::Binary | Type::Decimal { .. } => {
            Data::Bin(Bin { offsets: vec![0; rows + 1], bytes: Vec::new() })
        }
        Type::Struct => Data::Struct(field.children.iter().map(|_| none()).collect()),
        Type::List => Data::List(vec![0; rows + 1], empty()),
        Type::Map => Data::Map(vec![0; rows + 1], empty(), empty()),
        _ => Data::Int(vec![0; rows]),
    };
    Column { rows, data, valid: Some(vec![false; rows]), unchanged: None }
}

/// Big-endian bytes of any length as little-endian ones of 16 or 32.
fn decimal(column: &Column, bin: &Bin, precision: u32) -> Result<Buffer> {
    let width = if precision <= DIGITS_128 { 16 } else { 32 };
    let mut made = Vec::with_capacity(column.rows * width);
    for row in 0..column.rows {
        let bytes = if column.is_valid(row) { bin.get(row) } else { &[] };
        let fits = bytes.len() <= width
            && (bytes.len() < 8 && precision >= 18
                || decimals::digits(bytes).is_some_and(|one| one <= precision as usize));
        if !bytes.is_empty() && !fits {
            return Err(RANGE);
        }
        let fill = if bytes.first().is_some_and(|&first| first >= 0x80) { 0xff } else { 0 };
        made.extend(bytes.iter().rev());
        made.resize((row + 1) * width, fill);
    }
    Ok(owned(made))
}
