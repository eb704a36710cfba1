//! Dates, times and timestamps. PostgreSQL counts days and microseconds from 2000-01-01; its range is bounded, beyond it lies infinity.

use crate::calendar::{days_of, FIRST_DAY, LAST_DAY};
use crate::column::Column;
use crate::copy_out::field::fixed;
use crate::error::{Declined, Result};

const EPOCH_MICROS: i128 = 946_684_800_000_000;
const EPOCH_DAYS: i128 = 10_957;
const LEAST_MICROS: i128 = -211_813_488_000_000_000;
/// From here on capture means infinity.
const END_MICROS: i128 = 9_223_372_036_825_200_000 - EPOCH_MICROS;
const DAY_MICROS: i128 = 86_400_000_000;
/// Numbers that change events have for infinity.
const POSITIVE_DAYS: i128 = -2_147_472_692;

/// What a moment is counted or written in, from 1970. The bounded ones are Connect's Date and Timestamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instant {
    Millis,
    Micros,
    Nanos,
    BoundedMillis,
    Days,
    BoundedDays,
    IsoTimestamp,
    IsoDate,
}

impl Instant {
    pub fn is_text(self) -> bool {
        matches!(self, Instant::IsoTimestamp | Instant::IsoDate)
    }

    pub fn micros(self, column: &Column, i: usize) -> Result<i128> {
        let number = i128::from(column.int(i));
        Ok(match self {
            Instant::Millis => number * 1000,
            Instant::Micros => number,
            // The ends of 64 bits stand for infinity, and stay beyond the range.
            Instant::Nanos => match column.int(i) {
                i64::MAX => 1 << 63,
                i64::MIN => -(1 << 63),
                nanos => nanos.div_euclid(1000).into(),
            },
            Instant::BoundedMillis => {
                let day = column.int(i).div_euclid(86_400_000);
                if !(FIRST_DAY..=LAST_DAY).contains(&day) {
                    return Err(Declined::Value("a timestamp beyond year 9999"));
                }
                number * 1000
            }
            Instant::Days => number * DAY_MICROS,
            Instant::BoundedDays | Instant::IsoDate => self.days(column, i)? * DAY_MICROS,
            Instant::IsoTimestamp => iso_micros(column.bin(i))?,
        })
    }

    pub fn days(self, column: &Column, i: usize) -> Result<i128> {
        match self {
            Instant::Days => Ok(column.int(i).into()),
            Instant::BoundedDays => {
                let days = column.int(i);
                if !(FIRST_DAY..=LAST_DAY).contains(&days) {
                    return Err(Declined::Value("a date beyond year 9999"));
                }
                Ok(days.into())
            }
            Instant::IsoDate => iso_days(column.bin(i)),
            _ => Ok(self.micros(column, i)?.div_euclid(DAY_MICROS)),
        }
    }
}

pub fn write_timestamp(micros: i128, out: &mut Vec<u8>) -> Result<()> {
    let shifted = micros - EPOCH_MICROS;
    let value = match i64::try_from(shifted) {
        Ok(value) if (LEAST_MICROS..END_MICROS).contains(&shifted) => value,
        _ if shifted > 0 => i64::MAX,
        _ => i64::MIN,
    };
    fixed(out, &value.to_be_bytes())
}

pub fn write_date(days: i128, out: &mut Vec<u8>) -> Result<()> {
    let value = if (-2_462_000..2_145_042_905).contains(&days) {
        i32::try_from(days - EPOCH_DAYS).unwrap_or(0)
    } else if days > 0 || days == POSITIVE_DAYS {
        i32::MAX
    } else {
        i32::MIN
    };
    fixed(out, &value.to_be_bytes())
}

/// What a time of day is counted or written in. The bounded one is Connect's Time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    Millis,
    Micros,
    Nanos,
    BoundedMillis,
    Iso,
}

impl Clock {
    /// Microseconds of the day.
    pub fn micros(self, column: &Column, i: usize) -> Result<i64> {
        let number = column.int(i);
        match self {
            Clock::Millis => number.checked_mul(1000).ok_or(Declined::Value("a time of such a size")),
            Clock::Micros => Ok(number),
            Clock::Nanos => Ok(number.div_euclid(1000)),
            Clock::BoundedMillis if !(0..86_400_000).contains(&number) => Err(Declined::Value("a time beyond the day")),
            Clock::BoundedMillis => Ok(number * 1000),
            Clock::Iso => Ok(iso_time(column.bin(i))?.0),
        }
    }
}

/// timetz: microseconds of the day, and seconds west of UTC.
pub fn write_timetz(text: &[u8], out: &mut Vec<u8>) -> Result<()> {
    let (micros, east) = iso_time(text)?;
    out.extend_from_slice(&12i32.to_be_bytes());
    out.extend_from_slice(&micros.to_be_bytes());
    out.extend_from_slice(&(-east).to_be_bytes());
    Ok(())
}

const OTHERWISE: Declined = Declined::Value("a time written otherwise");

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn digits<const N: usize>(&mut self) -> Result<i64> {
        let (digits, rest) = self.0.split_at_checked(N).ok_or(OTHERWISE)?;
        if !digits.iter().all(u8::is_ascii_digit) {
            return Err(OTHERWISE);
        }
        self.0 = rest;
        Ok(digits.iter().fold(0, |sum, digit| sum * 10 + i64::from(digit & 15)))
    }

    fn takes(&mut self, wanted: u8) -> bool {
        match self.0.split_first() {
            Some((&first, rest)) if first == wanted => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }

    fn expect(&mut self, wanted: u8) -> Result<()> {
        if self.takes(wanted) {
            Ok(())
        } else {
            Err(OTHERWISE)
        }
    }

    /// 1 to 9 digits behind a point as microseconds, cut off.
    fn fraction(&mut self) -> Result<i64> {
        let count = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if count == 0 || count > 9 {
            return Err(OTHERWISE);
        }
        let (digits, rest) = self.0.split_at_checked(count).ok_or(OTHERWISE)?;
        self.0 = rest;
        let kept = digits.iter().chain(std::iter::repeat(&b'0')).take(6);
        Ok(kept.fold(0, |sum, digit| sum * 10 + i64::from(digit & 15)))
    }

    fn day(&mut self) -> Result<i64> {
        let year = self.digits::<4>()?;
        self.expect(b'-')?;
        let month = self.digits::<2>()?;
        self.expect(b'-')?;
        let day = self.digits::<2>()?;
        days_of(year, month, day).ok_or(OTHERWISE)
    }

    /// hh:mm:ss with or without a fraction, in microseconds.
    fn clock(&mut self) -> Result<i64> {
        let hour = self.digits::<2>()?;
        self.expect(b':')?;
        let minute = self.digits::<2>()?;
        self.expect(b':')?;
        let second = self.digits::<2>()?;
        if hour > 23 || minute > 59 || second > 59 {
            return Err(OTHERWISE);
        }
        let fraction = if self.takes(b'.') { self.fraction()? } else { 0 };
        Ok(((hour * 60 + minute) * 60 + second) * 1_000_000 + fraction)
    }

    /// Seconds east of UTC of Z, ±hh:mm or nothing; it is the end.
    fn zone(&mut self) -> Result<i32> {
        if self.0.is_empty() || self.0 == b"Z" {
            return Ok(0);
        }
        let east = self.takes(b'+');
        if !east {
            self.expect(b'-')?;
        }
        let hour = self.digits::<2>()?;
        self.expect(b':')?;
        let minute = self.digits::<2>()?;
        if hour > 23 || minute > 59 || !self.0.is_empty() {
            return Err(OTHERWISE);
        }
        let seconds = (hour * 3600 + minute * 60) as i32;
        Ok(if east { seconds } else { -seconds })
    }
}

fn iso_micros(text: &[u8]) -> Result<i128> {
    match text {
        b"infinity" => return Ok(1 << 63),
        b"-infinity" => return Ok(-(1 << 63)),
        _ => {}
    }
    let mut reader = Reader(text);
    let day = reader.day()?;
    reader.expect(b'T')?;
    let clock = reader.clock()?;
    let east = reader.zone()?;
    Ok(i128::from(day) * DAY_MICROS + i128::from(clock - i64::from(east) * 1_000_000))
}

fn iso_days(text: &[u8]) -> Result<i128> {
    let mut reader = Reader(text);
    let day = reader.day()?;
    if reader.0.is_empty() || reader.0 == b"Z" {
        return Ok(day.into());
    }
    Err(OTHERWISE)
}

/// Microseconds of the day and seconds east of UTC.
fn iso_time(text: &[u8]) -> Result<(i64, i32)> {
    let mut reader = Reader(text);
    let clock = reader.clock()?;
    Ok((clock, reader.zone()?))
}
