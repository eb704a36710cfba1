//! Dates and times of transforms: the text Connect has for them, and the numbers one form of timestamp has for another.

use crate::calendar::{civil, FIRST_DAY, LAST_DAY};
use crate::column::{Column, Data, Scalar};
use crate::error::{Declined, Result};

pub const DAY_MS: i64 = 86_400_000;
/// The days of 1970-01-01 and 9999-12-31 as Python counts them: 0001-01-01 is 1.
pub const EPOCH_ORDINAL: i64 = 719_163;
pub const LAST_ORDINAL: i64 = EPOCH_ORDINAL + LAST_DAY;
const OUT_OF_RANGE: Declined = Declined::Value("a date outside the years 1 to 9999");

fn digits(to: &mut Vec<u8>, number: u64, count: u32) {
    for place in (0..count).rev() {
        to.push(b'0' + (number / 10u64.pow(place) % 10) as u8);
    }
}

/// As `headrace.data.values.date_text`: a time of day for all before 2 January 1970, a date for a midnight, else both.
pub fn write_connect_text(to: &mut Vec<u8>, millis: i64) -> Result<()> {
    let (days, rest) = (millis.div_euclid(DAY_MS), millis.rem_euclid(DAY_MS) as u64);
    if millis >= DAY_MS {
        if days > LAST_DAY {
            return Err(OUT_OF_RANGE);
        }
        let (year, month, day) = civil(days);
        digits(to, year.unsigned_abs(), 4);
        to.push(b'-');
        digits(to, month, 2);
        to.push(b'-');
        digits(to, day, 2);
        if rest == 0 {
            return Ok(());
        }
        to.push(b'T');
    }
    digits(to, rest / 3_600_000, 2);
    to.push(b':');
    digits(to, rest / 60_000 % 60, 2);
    to.push(b':');
    digits(to, rest / 1000 % 60, 2);
    to.push(b'.');
    digits(to, rest % 1000, 3);
    to.push(b'Z');
    Ok(())
}

/// A timestamp as a number: Connect's logical types, or a count since the epoch of units that are `multiplier` milliseconds, or
/// of which `divisor` make one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Date,
    Time,
    Timestamp,
    Unix { multiplier: i64, divisor: i64 },
}

/// As `headrace.transforms.timestamp_converter` converts numbers; null stays null.
pub fn convert(column: &Column, from: Form, to: Form) -> Result<Column> {
    let one = |number: i64| -> Result<i64> { converted(number, from, to) };
    let data = match &column.data {
        Data::Null => Data::Null,
        Data::Const(Scalar::Int(value)) => Data::Const(Scalar::Int(one(*value)?)),
        Data::Int(values) => Data::Int(
            values
                .iter()
                .enumerate()
                .map(|(row, &value)| if column.is_valid(row) { one(value) } else { Ok(0) })
                .collect::<Result<_>>()?,
        ),
        _ => return Err(Declined::Value("a timestamp that is no number")),
    };
    Ok(Column { rows: column.rows, data, valid: column.valid.clone(), unchanged: None })
}

fn converted(number: i64, from: Form, to: Form) -> Result<i64> {
    let number = i128::from(number);
    let saturated = |number: i128| number.clamp(i128::from(i64::MIN), i128::from(i64::MAX));
    // Division in Rust goes toward zero, as is wanted here.
    let millis = match from {
        Form::Date => number * i128::from(DAY_MS),
        Form::Time | Form::Timestamp => number,
        Form::Unix { multiplier, divisor } => saturated(number * i128::from(multiplier) / i128::from(divisor.max(1))),
    };
    let day = millis.div_euclid(i128::from(DAY_MS));
    let made = match to {
        Form::Unix { multiplier, divisor } => saturated(millis * i128::from(divisor) / i128::from(multiplier.max(1))),
        Form::Time => millis.rem_euclid(i128::from(DAY_MS)),
        Form::Date | Form::Timestamp if day < i128::from(FIRST_DAY) || day > i128::from(LAST_DAY) => {
            return Err(OUT_OF_RANGE);
        }
        Form::Date => day,
        Form::Timestamp => millis,
    };
    i64::try_from(made).map_err(|_| OUT_OF_RANGE)
}

/// Every number rounded down to a multiple of `unit`.
pub fn floored(column: &Column, unit: i64) -> Result<Column> {
    let unit = unit.max(1);
    let down = |value: i64| value.checked_sub(value.rem_euclid(unit)).ok_or(OUT_OF_RANGE);
    let data = match &column.data {
        Data::Null => return Ok(column.clone()),
        Data::Const(Scalar::Int(value)) => Data::Const(Scalar::Int(down(*value)?)),
        Data::Int(values) => Data::Int(values.iter().map(|&value| down(value)).collect::<Result<_>>()?),
        _ => return Err(Declined::Value("a timestamp that is no number")),
    };
    Ok(Column { rows: column.rows, data, valid: column.valid.clone(), unchanged: None })
}
