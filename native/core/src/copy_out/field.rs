//! How a value becomes a field of a binary row: its length and its bytes.

use crate::column::{Column, Data};
use crate::copy_out::containers::{write_array, write_array_text, write_hstore};
use crate::copy_out::json_text::Json;
use crate::copy_out::moment::{self, Clock, Instant};
use crate::copy_out::number;
use crate::copy_out::text::{self, TextOf};
use crate::error::{Declined, Result};
use crate::last_word::equality::{kind, Plain};

/// A form of the target, with what it is made from.
#[derive(Debug)]
pub enum Field {
    /// int2, int4, int8 (signed) of that width; an unsigned one is an oid.
    Int {
        width: u8,
        signed: bool,
    },
    Float4,
    Float8,
    Bool,
    Timestamp(Instant),
    Date(Instant),
    Time(Clock),
    Timetz,
    /// Of microseconds, or of nanoseconds.
    Interval {
        nanos: bool,
    },
    /// Of an unscaled value with that scale.
    Numeric(i32),
    NumericOfInt,
    NumericOfFloat,
    NumericOfText,
    /// Of an io.debezium.data.VariableScaleDecimal whose fields `scale` and `value` are at these places.
    NumericOfVariable {
        scale: usize,
        value: usize,
    },
    Uuid,
    /// The bytes as they are.
    Raw,
    Text(TextOf),
    /// jsonb of JSON text.
    Jsonb(TextOf),
    /// bit and varbit of that length; 0: of as many bits as there are.
    Bits(usize),
    /// bit(1) of a truth value.
    BitOfBool,
    /// point of a struct with x and y at these places.
    Point {
        x: usize,
        y: usize,
    },
    /// An array with the elements' type.
    Array(u32, Box<Field>),
    /// An array's text; the elements' text.
    ArrayText(TextOf),
    Hstore,
    Json(Json),
    JsonbOf(Json),
}

impl Field {
    /// Whether a column holds what this is made from. One without any value always does.
    pub fn takes(&self, column: &Column) -> bool {
        let plain = |wanted: &[Plain]| kind(column).is_some_and(|one| wanted.contains(&one));
        if matches!(column.data, Data::Null) {
            return true;
        }
        match self {
            Field::Int { .. } | Field::NumericOfInt => plain(&[Plain::Int, Plain::Bool]),
            Field::Float4 | Field::Float8 => plain(&[Plain::Int, Plain::Float]),
            Field::Bool | Field::BitOfBool => plain(&[Plain::Bool]),
            Field::Timestamp(instant) | Field::Date(instant) => {
                plain(&[if instant.is_text() { Plain::Bin } else { Plain::Int }])
            }
            Field::Time(clock) => plain(&[if *clock == Clock::Iso { Plain::Bin } else { Plain::Int }]),
            Field::Interval { .. } => plain(&[Plain::Int]),
            Field::NumericOfFloat => plain(&[Plain::Float]),
            Field::Timetz | Field::Numeric(_) | Field::NumericOfText | Field::Uuid | Field::Raw | Field::Bits(_) => {
                plain(&[Plain::Bin])
            }
            Field::Text(of) | Field::Jsonb(of) => of.takes(column),
            Field::NumericOfVariable { scale, value } => {
                struct_of(column, &[(*scale, Plain::Int), (*value, Plain::Bin)])
            }
            Field::Point { x, y } => struct_of(column, &[(*x, Plain::Float), (*y, Plain::Float)]),
            Field::Array(_, element) => matches!(&column.data, Data::List(_, items) if element.takes(items)),
            Field::ArrayText(of) => matches!(&column.data, Data::List(_, items) if of.takes(items)),
            Field::Hstore => matches!(&column.data, Data::Map(_, keys, values)
                if TextOf::Text.takes(keys) && TextOf::Text.takes(values)),
            Field::Json(json) | Field::JsonbOf(json) => json.takes(column),
        }
    }

    /// Append the field for row `i`, which has a value. Declined for a value that the twin refuses or that is not done here.
    #[inline]
    pub fn write(&self, column: &Column, i: usize, out: &mut Vec<u8>) -> Result<()> {
        match self {
            Field::Int { width, signed } => {
                let value = if kind(column) == Some(Plain::Bool) { column.bool(i).into() } else { column.int(i) };
                number::write_int(value, *width, *signed, out)
            }
            Field::Float8 => {
                let value = float_of(column, i);
                fixed(out, &value.to_be_bytes())
            }
            Field::Float4 => {
                let value = float_of(column, i);
                let single = value as f32;
                if single.is_infinite() && value.is_finite() {
                    return Err(Declined::Value("a float beyond single precision"));
                }
                fixed(out, &single.to_be_bytes())
            }
            Field::Bool => fixed(out, &[column.bool(i).into()]),
            Field::Timestamp(instant) => moment::write_timestamp(instant.micros(column, i)?, out),
            Field::Date(instant) => moment::write_date(instant.days(column, i)?, out),
            Field::Time(clock) => fixed(out, &clock.micros(column, i)?.to_be_bytes()),
            Field::Timetz => moment::write_timetz(column.bin(i), out),
            Field::Interval { nanos } => {
                let micros = if *nanos { column.int(i).div_euclid(1000) } else { column.int(i) };
                out.extend_from_slice(&16i32.to_be_bytes());
                out.extend_from_slice(&micros.to_be_bytes());
                out.extend_from_slice(&[0; 8]);
                Ok(())
            }
            Field::Numeric(scale) => number::write_unscaled(column.bin(i), *scale, out),
            Field::NumericOfInt => number::write_whole(column.int(i).into(), out),
            Field::NumericOfFloat => number::write_float(column.float(i), out),
            Field::NumericOfText => number::write_text(column.bin(i), out),
            Field::NumericOfVariable { scale, value } => {
                let (scale, value) = (part(column, *scale, i)?, part(column, *value, i)?);
                let scale = i32::try_from(scale.int(i)).map_err(|_| Declined::Value("a scale of such a size"))?;
                number::write_unscaled(value.bin(i), scale, out)
            }
            Field::Uuid => text::write_uuid(column.bin(i), out),
            Field::Raw => sized(out, |out| {
                out.extend_from_slice(column.bin(i));
                Ok(())
            }),
            Field::Text(of) => sized(out, |out| of.append(column, i, out)),
            Field::Jsonb(of) => sized(out, |out| {
                out.push(1);
                of.append(column, i, out)
            }),
            Field::Bits(length) => text::write_bits(column.bin(i), *length, out),
            Field::BitOfBool => text::write_bits(&[column.bool(i).into()], 1, out),
            Field::Point { x, y } => {
                let (x, y) = (part(column, *x, i)?.float(i), part(column, *y, i)?.float(i));
                out.extend_from_slice(&16i32.to_be_bytes());
                out.extend_from_slice(&x.to_be_bytes());
                out.extend_from_slice(&y.to_be_bytes());
                Ok(())
            }
            Field::Array(oid, element) => sized(out, |out| write_array(*oid, element, column, i, out)),
            Field::ArrayText(of) => sized(out, |out| write_array_text(of, column, i, out)),
            Field::Hstore => sized(out, |out| write_hstore(column, i, out)),
            Field::Json(json) => sized(out, |out| json.append(column, i, out)),
            Field::JsonbOf(json) => sized(out, |out| {
                out.push(1);
                json.append(column, i, out)
            }),
        }
    }
}

fn float_of(column: &Column, i: usize) -> f64 {
    if kind(column) == Some(Plain::Int) {
        column.int(i) as f64
    } else {
        column.float(i)
    }
}

fn struct_of(column: &Column, fields: &[(usize, Plain)]) -> bool {
    fields.iter().all(|(at, wanted)| {
        column.children().get(*at).is_some_and(|one| matches!(one.data, Data::Null) || kind(one) == Some(*wanted))
    })
}

fn part(column: &Column, at: usize, i: usize) -> Result<&Column> {
    let child = column.children().get(at).map(AsRef::as_ref);
    child.filter(|one| one.is_valid(i)).ok_or(Declined::Value("a struct without one of its fields"))
}

/// A field of fixed length.
#[inline]
pub fn fixed(out: &mut Vec<u8>, bytes: &[u8]) -> Result<()> {
    out.extend_from_slice(&(bytes.len() as i32).to_be_bytes());
    out.extend_from_slice(bytes);
    Ok(())
}

/// A field whose length is known when it is written.
#[inline]
pub fn sized(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>) -> Result<()>) -> Result<()> {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    write(out)?;
    let length = i32::try_from(out.len() - start - 4).map_err(|_| Declined::TooLarge)?;
    if let Some(place) = out.get_mut(start..start + 4) {
        place.copy_from_slice(&length.to_be_bytes());
    }
    Ok(())
}
