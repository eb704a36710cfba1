//! From days and microseconds to what the time settings want: numbers or ISO texts. For text and binary values alike.
//!
//! Years 1 to 9999 and infinity; other years are declined. Source of the infinities: Debezium, by way of the Python twin.

use std::cell::Cell;

use super::out::Out;
use super::plan::Unit;
use crate::calendar::{civil, FIRST_DAY, LAST_DAY};
use crate::error::{Declined, Result};

pub const DAY_US: i64 = 86_400_000_000;
/// 2000-01-01, which PostgreSQL counts from, in days and microseconds since 1970.
pub const PG_EPOCH_DAYS: i64 = 10_957;
pub const PG_EPOCH_US: i64 = PG_EPOCH_DAYS * DAY_US;
const OUT_OF_RANGE: Declined = Declined::Value("a date outside the years 1 to 9999");
const NO_UNIT: Declined = Declined::Value("a unit that the type does not have");

fn two(number: u64) -> [u8; 2] {
    [b'0' + (number / 10 % 10) as u8, b'0' + (number % 10) as u8]
}

thread_local! {
    /// The last day and its text: rows that are written together mostly are of one day.
    static WRITTEN: Cell<(i64, [u8; 10])> = const { Cell::new((0, *b"1970-01-01")) };
}

/// `2020-01-02`.
fn write_day(to: &mut Vec<u8>, days: i64) -> Result<()> {
    let (last, text) = WRITTEN.get();
    if days == last {
        to.extend_from_slice(&text);
        return Ok(());
    }
    if !(FIRST_DAY..=LAST_DAY).contains(&days) {
        return Err(OUT_OF_RANGE);
    }
    let (year, month, day) = civil(days);
    let year = year.unsigned_abs();
    // One copy: a piece at a time costs more than the digits.
    let ([a, b], [c, d]) = (two(year / 100), two(year % 100));
    let ([e, f], [g, h]) = (two(month), two(day));
    let text = [a, b, c, d, b'-', e, f, b'-', g, h];
    to.extend_from_slice(&text);
    WRITTEN.set((days, text));
    Ok(())
}

/// `03:04:05.123`; `digits` of a second, 0 = without trailing zeros. `micros` of one day.
fn write_clock(to: &mut Vec<u8>, micros: i64, digits: u8) {
    let (seconds, fraction) = ((micros / 1_000_000) as u32, (micros % 1_000_000) as u32);
    let ([a, b], [c, d]) = (two(u64::from(seconds / 3600)), two(u64::from(seconds / 60 % 60)));
    let [e, f] = two(u64::from(seconds % 60));
    let ([g, h], [i, j]) = (two(u64::from(fraction / 10_000)), two(u64::from(fraction / 100)));
    let [k, l] = two(u64::from(fraction));
    let whole = [a, b, b':', c, d, b':', e, f, b'.', g, h, i, j, k, l];
    let shown = match digits {
        0 if fraction == 0 => 8,
        0 => 15 - whole.iter().rev().take_while(|&&digit| digit == b'0').count(),
        _ => 9 + usize::from(digits.min(6)),
    };
    to.extend_from_slice(whole.get(..shown).unwrap_or(&whole));
}

/// `days` since 1970-01-01.
pub fn date(unit: Unit, days: i64, out: &mut Out) -> Result<()> {
    match unit {
        Unit::Days => out.int(days),
        Unit::Iso => {
            let bins = out.bins_mut()?;
            write_day(bins.open(), days)?;
            bins.open().push(b'Z');
            bins.end()
        }
        _ => Err(NO_UNIT),
    }
}

pub fn date_infinite(unit: Unit, positive: bool, out: &mut Out) -> Result<()> {
    match unit {
        Unit::Days => out.int(if positive { -2_147_472_692 } else { -2_147_472_691 }),
        Unit::Iso => out.bin(if positive { b"-5877611-06-21Z" } else { b"-5877611-06-22Z" }),
        _ => Err(NO_UNIT),
    }
}

/// `micros` of the day, 0 to 24:00:00.
pub fn time(unit: Unit, micros: i64, out: &mut Out) -> Result<()> {
    if !(0..=DAY_US).contains(&micros) {
        return Err(Declined::Value("a time beyond the day"));
    }
    match unit {
        Unit::Millis => out.int(micros / 1000),
        Unit::Micros => out.int(micros),
        Unit::Nanos => out.int(micros * 1000),
        Unit::Iso => {
            let bins = out.bins_mut()?;
            write_clock(bins.open(), micros % DAY_US, 0);
            bins.open().push(b'Z');
            bins.end()
        }
        Unit::Days => Err(NO_UNIT),
    }
}

/// `micros` of the day at `offset` microseconds east of UTC.
pub fn time_tz(micros: i64, offset: i64, out: &mut Out) -> Result<()> {
    let utc = micros.checked_sub(offset).ok_or(OUT_OF_RANGE)?.rem_euclid(DAY_US);
    time(Unit::Iso, utc, out)
}

/// `micros` since 1970-01-01.
pub fn timestamp(unit: Unit, micros: i64, out: &mut Out) -> Result<()> {
    match unit {
        Unit::Millis => out.int(micros.div_euclid(1000)),
        Unit::Micros => out.int(micros),
        Unit::Nanos => out.int(micros.checked_mul(1000).ok_or(Declined::Value("a timestamp beyond nanoseconds"))?),
        Unit::Iso => zoned(0, micros, out),
        Unit::Days => Err(NO_UNIT),
    }
}

pub fn timestamp_infinite(unit: Unit, positive: bool, out: &mut Out) -> Result<()> {
    const FAR: (i64, i64) = (9_223_372_036_825_200_000, -9_223_372_036_832_400_000);
    let micros = if positive { FAR.0 } else { FAR.1 };
    match unit {
        Unit::Millis => out.int(micros.div_euclid(1000)),
        Unit::Micros => out.int(micros),
        Unit::Nanos => out.int(if positive { i64::MAX } else { i64::MIN }),
        Unit::Iso => out.bin(if positive { b"+294247-01-10T04:00:25.2Z" } else { b"-290308-12-21T19:59:27.6Z" }),
        Unit::Days => Err(NO_UNIT),
    }
}

/// `2020-01-02T03:04:05.123456Z` of microseconds since 1970-01-01; `digits` of a second, 0 = as many as needed.
pub fn zoned(digits: u8, micros: i64, out: &mut Out) -> Result<()> {
    let bins = out.bins_mut()?;
    let to = bins.open();
    write_day(to, micros.div_euclid(DAY_US))?;
    to.push(b'T');
    write_clock(to, micros.rem_euclid(DAY_US), digits);
    to.push(b'Z');
    bins.end()
}

pub fn zoned_infinite(positive: bool, out: &mut Out) -> Result<()> {
    out.bin(if positive { b"infinity" } else { b"-infinity" })
}
