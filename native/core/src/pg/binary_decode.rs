//! Binary values as cells. What is not taken as it is goes by its text, so that the result is that of the text in any case.

use super::binary::{fixed, jsonb, Wire};
use super::binary_array::Array;
use super::binary_numeric::{write_unscaled, Numeric};
use super::out::Out;
use super::plan::{Encoding, Op, TextOf};
use super::temporal::{self, PG_EPOCH_DAYS, PG_EPOCH_US};
use super::text::{encode, utf8};
use crate::error::{Declined, Result};

impl Op {
    /// Add a value that came in the binary form of `wire` to `out`, a builder of `Op::out`. `scratch` is for texts, and is written over. On
    /// `Err` the builder may hold part of it.
    #[inline]
    pub fn decode_binary(&self, wire: &Wire, value: &[u8], out: &mut Out, scratch: &mut Vec<u8>) -> Result<()> {
        match (self, wire) {
            (Op::Int, Wire::Int4) => out.int(i64::from(i32::from_be_bytes(fixed(value)?))),
            (Op::Int, Wire::Int8) => out.int(i64::from_be_bytes(fixed(value)?)),
            (Op::Int, Wire::Int2) => out.int(i64::from(i16::from_be_bytes(fixed(value)?))),
            (Op::Oid, Wire::Oid) => out.int(i64::from(u32::from_be_bytes(fixed(value)?))),
            (Op::Text(_), Wire::Text) => out.bin(utf8(value)?),
            (Op::Text(_), Wire::Jsonb) => out.bin(utf8(jsonb(value)?)?),
            (Op::Text(TextOf::Uuid), Wire::Uuid) => {
                let bins = out.bins_mut()?;
                super::binary_misc::write_uuid(&fixed(value)?, bins.open());
                bins.end()
            }
            (Op::Enum(_), Wire::Text) => self.decode_text(value, out),
            (Op::Bool, Wire::Bool) => match value {
                [byte] => out.bool(*byte != 0),
                _ => Err(Declined::Malformed("bool")),
            },
            (Op::Float8, Wire::Float8) => out.float(number(f64::from_be_bytes(fixed(value)?))),
            (Op::Float4, Wire::Float4) => out.float(number(f64::from(f32::from_be_bytes(fixed(value)?)))),
            (Op::TimestampTz(digits), Wire::TimestampTz) => match i64::from_be_bytes(fixed(value)?) {
                i64::MAX => temporal::zoned_infinite(true, out),
                i64::MIN => temporal::zoned_infinite(false, out),
                micros => temporal::zoned(*digits, since_1970(micros)?, out),
            },
            (Op::Timestamp(unit), Wire::Timestamp) => match i64::from_be_bytes(fixed(value)?) {
                i64::MAX => temporal::timestamp_infinite(*unit, true, out),
                i64::MIN => temporal::timestamp_infinite(*unit, false, out),
                micros => temporal::timestamp(*unit, since_1970(micros)?, out),
            },
            (Op::Date(unit), Wire::Date) => match i32::from_be_bytes(fixed(value)?) {
                i32::MAX => temporal::date_infinite(*unit, true, out),
                i32::MIN => temporal::date_infinite(*unit, false, out),
                days => temporal::date(*unit, i64::from(days) + PG_EPOCH_DAYS, out),
            },
            (Op::Time(unit), Wire::Time) => temporal::time(*unit, i64::from_be_bytes(fixed(value)?), out),
            (Op::Decimal(scale), Wire::Numeric) => {
                let numeric = Numeric::parse(value)?;
                match numeric.unscaled() {
                    Some(unscaled) if i32::from(numeric.scale()) == *scale => {
                        let bins = out.bins_mut()?;
                        write_unscaled(bins.open(), unscaled);
                        bins.end()
                    }
                    _ => self.by_text(wire, value, out, scratch),
                }
            }
            (Op::VariableDecimal, Wire::Numeric) => {
                let numeric = Numeric::parse(value)?;
                let Some(mut unscaled) = numeric.unscaled() else {
                    return self.by_text(wire, value, out, scratch);
                };
                // Without trailing zeros behind the point.
                let mut places = numeric.scale();
                while places > 0 && unscaled % 10 == 0 {
                    unscaled /= 10;
                    places -= 1;
                }
                let structs = out.structs_mut()?;
                let [scale, number, ..] = structs.fields.as_mut_slice() else {
                    return Err(super::out::MISFIT);
                };
                scale.int(i64::from(places))?;
                let bins = number.bins_mut()?;
                write_unscaled(bins.open(), unscaled);
                bins.end()?;
                structs.end();
                Ok(())
            }
            (Op::Bytea(Encoding::Raw), Wire::Bytea) => out.bin(value),
            (Op::Bytea(encoding), Wire::Bytea) => {
                let bins = out.bins_mut()?;
                encode(value, *encoding, bins.open());
                bins.end()
            }
            (Op::Array { element, nulls }, Wire::Array(inner)) => {
                let array = Array::parse(value)?;
                if array.dimensions.len() > 1 {
                    // The twin tells of it.
                    return Err(Declined::Value("an array of several dimensions"));
                }
                let lists = out.lists_mut()?;
                array.each(|item| match item {
                    Some(bytes) => element.decode_binary(inner, bytes, &mut lists.items, scratch),
                    None if *nulls => lists.items.null(),
                    None => Err(Declined::Value("NULL in an array whose elements are required")),
                })?;
                lists.end()
            }
            (Op::Masked(inner, mask), _) => {
                inner.decode_binary(wire, value, out, scratch)?;
                mask.apply(out.bins_mut()?)
            }
            _ => self.by_text(wire, value, out, scratch),
        }
    }

    #[cold]
    fn by_text(&self, wire: &Wire, value: &[u8], out: &mut Out, scratch: &mut Vec<u8>) -> Result<()> {
        scratch.clear();
        wire.write_text(value, scratch)?;
        self.decode_text(scratch, out)
    }
}

/// There is one NaN in text.
#[inline]
fn number(value: f64) -> f64 {
    if value.is_nan() {
        f64::NAN
    } else {
        value
    }
}

#[inline]
fn since_1970(micros: i64) -> Result<i64> {
    micros.checked_add(PG_EPOCH_US).ok_or(Declined::Value("a timestamp beyond 64 bits"))
}
