//! Casts from one primitive type to another, as `headrace.transforms.casting` defines them: Java's narrowing, Java's texts.
//!
//! Texts are read where they are plain ASCII numbers; forms that need a closer look (white space, hexadecimal digits, other scripts'
//! digits, numbers at the edge of what a float holds) are declined.

use crate::builders::{Bins, Bools, Floats, Ints};
use crate::column::{Column, Data};
use crate::error::{Declined, Result};
use crate::json::room::written;
use crate::json::{base64, decimal, floats};
use crate::layout::Kind;
use crate::moments;

/// What a column is cast to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    Int8,
    Int16,
    Int32,
    Int64,
    Float32,
    Float64,
    Bool,
    Str,
}

const NO_CAST: Declined = Declined::Value("a cast that there is not");
const NO_NUMBER: Declined = Declined::Value("a text that is no plain number");
const OUT_OF_RANGE: Declined = Declined::Value("a number out of range");

/// The column's values, which are of `kind`, as `target`; null stays null. `Err` wherever a value has no form there, too.
pub fn cast(column: &Column, kind: &Kind, target: Target) -> Result<Column> {
    let rows = column.rows;
    if matches!(column.data, Data::Null) {
        return Ok(Column::null(rows));
    }
    // A column without any value may be of any kind.
    if let (Data::Const(value), None) = (&column.data, &column.unchanged) {
        let one = cast_rows(&Column::constant(1, value.clone()), kind, target);
        if let Some(value) = one.ok().and_then(|one| scalar(&one, target)) {
            return Ok(Column { rows, data: Data::Const(value), valid: column.valid.clone(), unchanged: None });
        }
    }
    cast_rows(column, kind, target)
}

/// The first value of a column that was made for `target`.
fn scalar(column: &Column, target: Target) -> Option<crate::column::Scalar> {
    use crate::column::Scalar;
    column.is_valid(0).then(|| match target {
        Target::Int8 | Target::Int16 | Target::Int32 | Target::Int64 => Scalar::Int(column.int(0)),
        Target::Float32 | Target::Float64 => Scalar::Float(column.float(0)),
        Target::Bool => Scalar::Bool(column.bool(0)),
        Target::Str => Scalar::Bin(column.bin(0).into()),
    })
}

fn cast_rows(column: &Column, kind: &Kind, target: Target) -> Result<Column> {
    let rows = column.rows;
    match target {
        Target::Str => {
            let mut made = Bins::with_capacity(rows, rows * 8);
            for row in 0..rows {
                if column.is_valid(row) {
                    write_text(made.open(), column, kind, row)?;
                    made.end()?;
                } else {
                    made.push_null();
                }
            }
            Ok(made.finish())
        }
        Target::Bool => {
            let mut made = Bools::with_capacity(rows);
            for row in 0..rows {
                if column.is_valid(row) {
                    made.push(truth(column, kind, row)?);
                } else {
                    made.push_null();
                }
            }
            Ok(made.finish())
        }
        Target::Float32 | Target::Float64 => {
            let mut made = Floats::with_capacity(rows);
            for row in 0..rows {
                if column.is_valid(row) {
                    made.push(real(column, kind, row, target == Target::Float32)?);
                } else {
                    made.push_null();
                }
            }
            Ok(made.finish())
        }
        Target::Int8 | Target::Int16 | Target::Int32 | Target::Int64 => {
            let bits = match target {
                Target::Int8 => 8,
                Target::Int16 => 16,
                Target::Int32 => 32,
                _ => 64,
            };
            let mut made = Ints::with_capacity(rows);
            for row in 0..rows {
                if column.is_valid(row) {
                    made.push(integer(column, kind, row, bits)?);
                } else {
                    made.push_null();
                }
            }
            Ok(made.finish())
        }
    }
}

/// The number that the lowest `bits` bits mean in two's complement.
fn wrap(number: i64, bits: u32) -> i64 {
    let shift = 64 - bits;
    number << shift >> shift
}

fn integer(column: &Column, kind: &Kind, row: usize, bits: u32) -> Result<i64> {
    match kind {
        Kind::Bool => Ok(i64::from(column.bool(row))),
        Kind::Int8 | Kind::Int16 | Kind::Int32 | Kind::Int64 | Kind::Date | Kind::Time | Kind::Timestamp => {
            Ok(wrap(column.int(row), bits))
        }
        Kind::Float32 | Kind::Float64 => {
            // Java saturates at int (long for INT64), NaN becomes 0, then it cuts to the smaller type; so does `as`.
            let value = column.float(row);
            Ok(if bits == 64 { value as i64 } else { wrap(i64::from(value as i32), bits) })
        }
        Kind::Decimal { scale } => Ok(wrap(whole(column.bin(row), *scale)?, bits)),
        Kind::Str => {
            let text = column.bin(row);
            let digits = match text {
                [b'+' | b'-', rest @ ..] => rest,
                rest => rest,
            };
            if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
                return Err(NO_NUMBER);
            }
            let text = std::str::from_utf8(text).map_err(|_| NO_NUMBER)?;
            let number: i64 = text.parse().map_err(|_| OUT_OF_RANGE)?;
            if wrap(number, bits) == number {
                Ok(number)
            } else {
                Err(OUT_OF_RANGE)
            }
        }
        Kind::Bytes | Kind::Struct(_) | Kind::List(_) | Kind::Map(..) => Err(NO_CAST),
    }
}

/// The whole part of a decimal, cut to 64 bits.
fn whole(unscaled: &[u8], scale: i32) -> Result<i64> {
    const LARGE: Declined = Declined::Value("a decimal of very many digits");
    if unscaled.len() > 16 || !(0..=38).contains(&scale) {
        return Err(LARGE);
    }
    let sign = if unscaled.first().is_some_and(|&first| first >= 0x80) { -1i128 } else { 0 };
    let value = unscaled.iter().fold(sign, |value, &byte| value << 8 | i128::from(byte));
    let unit = 10i128.checked_pow(scale.unsigned_abs()).ok_or(LARGE)?;
    Ok((value / unit) as i64)
}

fn real(column: &Column, kind: &Kind, row: usize, single: bool) -> Result<f64> {
    let int = |number: i64| if single { f64::from(number as f32) } else { number as f64 };
    match kind {
        Kind::Bool => Ok(if column.bool(row) { 1.0 } else { 0.0 }),
        Kind::Int8 | Kind::Int16 | Kind::Int32 | Kind::Int64 | Kind::Date | Kind::Time | Kind::Timestamp => {
            Ok(int(column.int(row)))
        }
        Kind::Float32 | Kind::Float64 => {
            let value = column.float(row);
            Ok(if single { f64::from(value as f32) } else { value })
        }
        Kind::Decimal { scale } => {
            if column.bin(row).len() > decimal::LONGEST {
                return Err(NO_NUMBER);
            }
            let text = written(|room| Ok::<_, Declined>(decimal::number(room, 0, column.bin(row), *scale)))?;
            parsed(&text, single, false)
        }
        Kind::Str => {
            let text = column.bin(row);
            if !is_plain_real(text) {
                return Err(NO_NUMBER);
            }
            parsed(text, single, text.len() < 16)
        }
        Kind::Bytes | Kind::Struct(_) | Kind::List(_) | Kind::Map(..) => Err(NO_CAST),
    }
}

/// `-12.5e3`: a sign, digits with at most one point, an exponent; no more, no less.
fn is_plain_real(text: &[u8]) -> bool {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let unsigned = |text: &[u8]| usize::from(matches!(text.first(), Some(b'+' | b'-')));
    let mut at = unsigned(text);
    let before = digits(text.get(at..).unwrap_or(&[]));
    at += before;
    let mut behind = 0;
    if text.get(at) == Some(&b'.') {
        behind = digits(text.get(at + 1..).unwrap_or(&[]));
        at += 1 + behind;
    }
    if before + behind == 0 {
        return false;
    }
    if matches!(text.get(at), Some(b'e' | b'E')) {
        let rest = text.get(at + 1..).unwrap_or(&[]);
        let sign = unsigned(rest);
        let exponent = digits(rest.get(sign..).unwrap_or(&[]));
        if exponent == 0 {
            return false;
        }
        at += 1 + sign + exponent;
    }
    at == text.len()
}

/// `by_double`: a single is rounded by way of a double. At the edge of what a single holds the two ways are not told apart here.
fn parsed(text: &[u8], single: bool, by_double: bool) -> Result<f64> {
    let text = std::str::from_utf8(text).map_err(|_| NO_NUMBER)?;
    let double: f64 = text.parse().map_err(|_| NO_NUMBER)?;
    if !single || !double.is_finite() {
        return Ok(double);
    }
    let value = if by_double { double as f32 } else { text.parse::<f32>().map_err(|_| NO_NUMBER)? };
    if !by_double && (!value.is_finite() || value.abs() == f32::MAX) {
        return Err(OUT_OF_RANGE);
    }
    Ok(f64::from(value))
}

fn truth(column: &Column, kind: &Kind, row: usize) -> Result<bool> {
    match kind {
        Kind::Bool => Ok(column.bool(row)),
        Kind::Str => Ok(column.bin(row).eq_ignore_ascii_case(b"true")),
        _ => Ok(integer(column, kind, row, 64)? != 0),
    }
}

fn write_text(to: &mut Vec<u8>, column: &Column, kind: &Kind, row: usize) -> Result<()> {
    match kind {
        Kind::Bool => to.extend_from_slice(if column.bool(row) { b"true" } else { b"false" }),
        Kind::Int8 | Kind::Int16 | Kind::Int32 | Kind::Int64 => {
            to.extend_from_slice(itoa::Buffer::new().format(column.int(row)).as_bytes());
        }
        Kind::Float32 => {
            let value = column.float(row);
            bare(to, &written(|room| Ok::<_, Declined>(floats::single(room, 0, value)))?);
        }
        Kind::Float64 => {
            let value = column.float(row);
            bare(to, &written(|room| Ok::<_, Declined>(floats::double(room, 0, value)))?);
        }
        Kind::Str => to.extend_from_slice(column.bin(row)),
        Kind::Bytes => bare(to, &written(|room| Ok::<_, Declined>(base64::quoted(room, 0, column.bin(row))))?),
        Kind::Decimal { scale } => {
            if column.bin(row).len() > decimal::LONGEST {
                return Err(NO_NUMBER);
            }
            to.extend(written(|room| Ok::<_, Declined>(decimal::number(room, 0, column.bin(row), *scale)))?);
        }
        Kind::Date => {
            let millis = column.int(row).checked_mul(moments::DAY_MS).ok_or(OUT_OF_RANGE)?;
            moments::write_connect_text(to, millis)?;
        }
        Kind::Time | Kind::Timestamp => moments::write_connect_text(to, column.int(row))?,
        Kind::Struct(_) | Kind::List(_) | Kind::Map(..) => return Err(NO_CAST),
    }
    Ok(())
}

/// Without the quotes that JSON wants around it.
fn bare(to: &mut Vec<u8>, text: &[u8]) {
    to.extend_from_slice(text.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(text));
}
