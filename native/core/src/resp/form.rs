//! Form: how the values of one schema become text; as `text_renderer` of `headrace.sinks.redis.render`.

use std::sync::Arc;

use super::json::{Json, Variable, VARIABLE_DECIMAL};
use super::temporal::{clock, day, moment};
use crate::column::Column;
use crate::error::{Declined, Result};
use crate::layout::{Kind, Layout};

#[derive(Debug, Clone)]
pub enum Form {
    Int,
    Bool,
    Float,
    Text,
    Bytes,
    Decimal {
        scale: usize,
    },
    /// Debezium's; a number that has no date is written as such.
    Day,
    Moment {
        per_second: u64,
        digits: usize,
    },
    Clock {
        per_second: u64,
        digits: usize,
    },
    /// Connect's.
    Date,
    Timestamp,
    Time,
    Variable(Variable),
    /// Containers, as JSON.
    Json(Arc<Json>),
}

const DAY_MS: i64 = 86_400_000;
/// Digits of the longest decimal that is written here; a longer one might be the placeholder as a number.
pub const DIGITS: usize = 39;
/// Zeros that a decimal may have behind its point.
const LARGEST_SCALE: i32 = 1000;

const TIMES: &str = "io.debezium.time.";

impl Form {
    /// Whether the name says what the value is, whatever its kind.
    pub fn is_named(layout: &Layout) -> bool {
        layout
            .name
            .as_deref()
            .is_some_and(|name| name.starts_with(TIMES) || name.starts_with("org.apache.kafka.connect.data."))
    }

    /// Declined for what is rendered by Python only.
    pub fn of(layout: &Layout) -> Result<Form> {
        let is_int = matches!(layout.kind, Kind::Int8 | Kind::Int16 | Kind::Int32 | Kind::Int64);
        if let Some(name) = layout.name.as_deref().and_then(|name| name.strip_prefix(TIMES)) {
            let form = match name {
                "Date" => Some(Form::Day),
                "Time" => Some(Form::Clock { per_second: 1_000, digits: 3 }),
                "MicroTime" => Some(Form::Clock { per_second: 1_000_000, digits: 6 }),
                "NanoTime" => Some(Form::Clock { per_second: 1_000_000_000, digits: 9 }),
                "Timestamp" => Some(Form::Moment { per_second: 1_000, digits: 3 }),
                "MicroTimestamp" => Some(Form::Moment { per_second: 1_000_000, digits: 6 }),
                "NanoTimestamp" => Some(Form::Moment { per_second: 1_000_000_000, digits: 9 }),
                _ => None,
            };
            match form {
                Some(form) if is_int => return Ok(form),
                Some(_) => return Err(Declined::Value("a time of another type")),
                None => {}
            }
        }
        if layout.name.as_deref() == Some(VARIABLE_DECIMAL) {
            return Ok(Form::Variable(Variable::of(layout)?));
        }
        match &layout.kind {
            Kind::Int8 | Kind::Int16 | Kind::Int32 | Kind::Int64 => Ok(Form::Int),
            Kind::Bool => Ok(Form::Bool),
            Kind::Float32 | Kind::Float64 => Ok(Form::Float),
            Kind::Str => Ok(Form::Text),
            Kind::Bytes => Ok(Form::Bytes),
            Kind::Decimal { scale } if (0..=LARGEST_SCALE).contains(scale) => {
                Ok(Form::Decimal { scale: usize::try_from(*scale).unwrap_or(0) })
            }
            Kind::Decimal { .. } => Err(Declined::Value("a decimal of such a scale")),
            Kind::Date => Ok(Form::Date),
            Kind::Time => Ok(Form::Time),
            Kind::Timestamp => Ok(Form::Timestamp),
            Kind::Struct(_) | Kind::List(_) | Kind::Map(..) if Form::is_named(layout) => {
                Err(Declined::Value("a container of a name that is none's"))
            }
            Kind::Struct(_) | Kind::List(_) | Kind::Map(..) => Ok(Form::Json(Arc::new(Json::of(layout)?))),
        }
    }

    /// Whether the column's bytes are the text.
    #[inline]
    pub fn is_raw(&self) -> bool {
        matches!(self, Form::Text | Form::Bytes)
    }

    /// Appends the text of row `i`, which is not null. False for a value left to the twin; `to` then holds anything.
    #[inline]
    pub fn write(&self, to: &mut Vec<u8>, column: &Column, i: usize) -> bool {
        match *self {
            Form::Int => int(to, column.int(i)),
            Form::Bool => to.extend_from_slice(if column.bool(i) { b"true" } else { b"false" }),
            Form::Float => float(to, column.float(i)),
            Form::Text | Form::Bytes => to.extend_from_slice(column.bin(i)),
            Form::Decimal { scale } => return decimal(to, column.bin(i), scale),
            Form::Day => {
                if !day(to, column.int(i)) {
                    int(to, column.int(i));
                }
            }
            Form::Moment { per_second, digits } => {
                if !moment(to, column.int(i), per_second, digits) {
                    int(to, column.int(i));
                }
            }
            Form::Clock { per_second, digits } => return clock(to, column.int(i), per_second, digits),
            Form::Date => return day(to, column.int(i)),
            Form::Time => return (0..DAY_MS).contains(&column.int(i)) && clock(to, column.int(i), 1000, 3),
            Form::Timestamp => {
                let known = moment(to, column.int(i), 1000, 3);
                to.push(b'Z');
                return known;
            }
            Form::Variable(variable) => return variable.write(to, column, i),
            Form::Json(ref json) => return json.write(to, column, i),
        }
        true
    }
}

fn int(to: &mut Vec<u8>, value: i64) {
    to.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Python's repr: the shortest digits that read back, with an exponent below 1e-4 and from 1e16 on.
pub(super) fn float(to: &mut Vec<u8>, value: f64) {
    if !value.is_finite() {
        let text: &[u8] = match (value.is_nan(), value > 0.0) {
            (true, _) => b"NaN",
            (_, true) => b"Infinity",
            _ => b"-Infinity",
        };
        return to.extend_from_slice(text);
    }
    let magnitude = value.abs();
    let mut buffer = ryu::Buffer::new();
    let text = buffer.format_finite(value);
    if magnitude == 0.0 || ((1e-4..1e16).contains(&magnitude) && !text.contains('e')) {
        return to.extend_from_slice(text.as_bytes());
    }
    // Its digits are the same, the layout is not: at least two digits of exponent with a sign, no needless fraction.
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, ""));
    let exponent = exponent.parse::<i32>().ok();
    match exponent {
        Some(exponent) if !(-4..16).contains(&exponent) => {
            to.extend_from_slice(mantissa.strip_suffix(".0").unwrap_or(mantissa).as_bytes());
            to.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
            if exponent.unsigned_abs() < 10 {
                to.push(b'0');
            }
            to.extend_from_slice(itoa::Buffer::new().format(exponent.unsigned_abs()).as_bytes());
        }
        _ => to.extend_from_slice(rust_layout(value).as_bytes()),
    }
}

/// Values that one of the two lays out with an exponent and the other without; both write the shortest digits.
#[cold]
fn rust_layout(value: f64) -> String {
    let magnitude = value.abs();
    if (1e-4..1e16).contains(&magnitude) {
        let text = format!("{value}");
        return if text.contains('.') { text } else { text + ".0" };
    }
    let text = format!("{value:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
    format!("{mantissa}e{sign}{digits:0>2}")
}

/// All digits, no exponent.
pub(super) fn decimal(to: &mut Vec<u8>, unscaled: &[u8], scale: usize) -> bool {
    if unscaled.len() > 16 {
        return false;
    }
    let negative = unscaled.first().is_some_and(|&first| first >= 0x80);
    let sign = if negative { -1i128 } else { 0 };
    let value = unscaled.iter().fold(sign, |value, &byte| value << 8 | i128::from(byte));
    if negative {
        to.push(b'-');
    }
    let mut few = itoa::Buffer::new();
    let mut many = itoa::Buffer::new();
    let digits = match u64::try_from(value.unsigned_abs()) {
        Ok(small) => few.format(small).as_bytes(),
        Err(_) => many.format(value.unsigned_abs()).as_bytes(),
    };
    if scale == 0 {
        to.extend_from_slice(digits);
    } else if digits.len() > scale {
        let (before, behind) = digits.split_at(digits.len() - scale);
        to.extend_from_slice(before);
        to.push(b'.');
        to.extend_from_slice(behind);
    } else {
        to.extend_from_slice(b"0.");
        to.resize(to.len() + (scale - digits.len()), b'0');
        to.extend_from_slice(digits);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut to = Vec::new();
        write(&mut to);
        String::from_utf8(to).unwrap()
    }

    #[test]
    fn floats_as_python_has_them() {
        for (value, expected) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (0.1f64, "0.1"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1.5e-7, "1.5e-07"),
            (1e15, "1000000000000000.0"),
            (9007199254740993.0, "9007199254740992.0"),
            (1e16, "1e+16"),
            (1.2345e22, "1.2345e+22"),
            (5e-324, "5e-324"),
            (-1.7976931348623157e308, "-1.7976931348623157e+308"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(text(|to| float(to, value)), expected);
        }
    }

    #[test]
    fn decimals_have_all_digits() {
        let written = |bytes: &[u8], scale| text(|to| assert!(decimal(to, bytes, scale)));
        assert_eq!(written(&[], 0), "0");
        assert_eq!(written(&[0], 2), "0.00");
        assert_eq!(written(&[0xff], 2), "-0.01");
        assert_eq!(written(&[123], 2), "1.23");
        assert_eq!(written(&[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0), i128::MIN.to_string());
        assert!(!decimal(&mut Vec::new(), &[0; 17], 0));
    }
}
