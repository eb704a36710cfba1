//! Texts of dates, times and intervals: datestyle ISO, intervalstyle postgres.
//!
//! A year before Christ or of more than four digits is declined.

use super::out::Out;
use super::plan::{Span, Unit};
use super::temporal;
use crate::calendar::days_of;
use crate::error::{Declined, Result};

const NO_TIME: Declined = Declined::Value("a date or time of another form");

/// The number of two digits.
#[inline]
fn two(text: &[u8], at: usize) -> Result<i64> {
    match (text.get(at), text.get(at + 1)) {
        (Some(high @ b'0'..=b'9'), Some(low @ b'0'..=b'9')) => Ok(i64::from(high - b'0') * 10 + i64::from(low - b'0')),
        _ => Err(NO_TIME),
    }
}

#[inline]
fn mark(text: &[u8], at: usize, mark: u8) -> Result<()> {
    if text.get(at) == Some(&mark) {
        return Ok(());
    }
    Err(NO_TIME)
}

/// Days of the first ten characters.
#[inline]
fn days(text: &[u8]) -> Result<i64> {
    mark(text, 4, b'-')?;
    mark(text, 7, b'-')?;
    days_of(two(text, 0)? * 100 + two(text, 2)?, two(text, 5)?, two(text, 8)?).ok_or(NO_TIME)
}

/// Microseconds of `03:04:05.123` and what stands behind it; at most 24:00:00.
#[inline]
fn clock(text: &[u8]) -> Result<(i64, &[u8])> {
    mark(text, 2, b':')?;
    mark(text, 5, b':')?;
    let (hours, minutes, seconds) = (two(text, 0)?, two(text, 3)?, two(text, 6)?);
    let mut micros = ((hours * 60 + minutes) * 60 + seconds) * 1_000_000;
    let mut rest = text.get(8..).unwrap_or(&[]);
    if let [b'.', behind @ ..] = rest {
        let count = behind.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, more) = behind.split_at(count);
        micros += fraction(digits)?;
        rest = more;
    }
    if minutes > 59 || seconds > 59 || micros > temporal::DAY_US {
        return Err(NO_TIME);
    }
    Ok((micros, rest))
}

/// Microseconds of one to six digits.
fn fraction(digits: &[u8]) -> Result<i64> {
    if digits.is_empty() || digits.len() > 6 {
        return Err(NO_TIME);
    }
    let number = digits.iter().fold(0i64, |number, digit| number * 10 + i64::from(digit - b'0'));
    Ok((digits.len()..6).fold(number, |number, _| number * 10))
}

/// Microseconds east of UTC of `+01`, `-03:30`, `+00:19:32`.
#[inline]
fn zone(text: &[u8]) -> Result<i64> {
    if text == b"+00" {
        return Ok(0);
    }
    let east = match text.first() {
        Some(b'+') => true,
        Some(b'-') => false,
        _ => return Err(NO_TIME),
    };
    let mut seconds = two(text, 1)? * 3600;
    if text.len() > 3 {
        mark(text, 3, b':')?;
        seconds += two(text, 4)? * 60;
    }
    if text.len() > 6 {
        mark(text, 6, b':')?;
        seconds += two(text, 7)?;
    }
    if !matches!(text.len(), 3 | 6 | 9) {
        return Err(NO_TIME);
    }
    Ok(if east { seconds } else { -seconds } * 1_000_000)
}

/// Whether the text is infinity, and which.
#[inline]
fn infinite(text: &[u8]) -> Option<bool> {
    match text {
        b"infinity" => Some(true),
        b"-infinity" => Some(false),
        _ => None,
    }
}

pub fn date(text: &[u8], unit: Unit, out: &mut Out) -> Result<()> {
    if text.len() == 10 {
        return temporal::date(unit, days(text)?, out);
    }
    temporal::date_infinite(unit, infinite(text).ok_or(NO_TIME)?, out)
}

pub fn time(text: &[u8], unit: Unit, out: &mut Out) -> Result<()> {
    match clock(text)? {
        (micros, []) => temporal::time(unit, micros, out),
        _ => Err(NO_TIME),
    }
}

pub fn time_tz(text: &[u8], out: &mut Out) -> Result<()> {
    let (micros, rest) = clock(text)?;
    temporal::time_tz(micros, zone(rest)?, out)
}

/// Microseconds since the epoch of date and clock, and what stands behind them.
#[inline]
fn moment(text: &[u8]) -> Result<(i64, &[u8])> {
    let days = days(text)?;
    mark(text, 10, b' ')?;
    let (micros, rest) = clock(text.get(11..).unwrap_or(&[]))?;
    if micros >= temporal::DAY_US {
        return Err(NO_TIME);
    }
    Ok((days * temporal::DAY_US + micros, rest))
}

pub fn timestamp(text: &[u8], unit: Unit, out: &mut Out) -> Result<()> {
    if let Some(positive) = infinite(text) {
        return temporal::timestamp_infinite(unit, positive, out);
    }
    match moment(text)? {
        (micros, []) => temporal::timestamp(unit, micros, out),
        _ => Err(NO_TIME),
    }
}

pub fn timestamp_tz(text: &[u8], digits: u8, out: &mut Out) -> Result<()> {
    if let Some(positive) = infinite(text) {
        return temporal::zoned_infinite(positive, out);
    }
    if let (6, Ok(plain)) = (digits, <&[u8; 29]>::try_from(text)) {
        // Only the punctuation changes, whatever the date.
        if plain[10] == b' ' && plain.ends_with(b"+00") && plain.is_ascii() {
            let mut made = [0; 27];
            made.copy_from_slice(&plain[..27]);
            (made[10], made[26]) = (b'T', b'Z');
            return out.bin(&made);
        }
    }
    let (micros, rest) = moment(text)?;
    let offset = zone(rest)?;
    temporal::zoned(digits, micros - offset, out)
}

/// `1 year 2 mons -3 days -04:05:06.789`: some of them, each with its own sign.
#[derive(Debug, Default, PartialEq)]
struct Parts {
    years: i64,
    months: i64,
    days: i64,
    hours: i64,
    minutes: i64,
    /// Of the minute.
    micros: i64,
}

fn parts(text: &[u8]) -> Result<Parts> {
    let mut made = Parts::default();
    let mut words = text.split(|&byte| byte == b' ');
    let mut word = words.next();
    while let Some(number) = word {
        if number.contains(&b':') {
            clock_of_span(number, &mut made)?;
            return if words.next().is_none() { Ok(made) } else { Err(NO_TIME) };
        }
        let value = super::text::int(number.strip_prefix(b"+").unwrap_or(number))?;
        // So small that floating point counts its months exactly, as the twin does.
        if value.unsigned_abs() > 1 << 32 {
            return Err(NO_TIME);
        }
        match words.next() {
            Some(b"year" | b"years") => made.years = value,
            Some(b"mon" | b"mons") => made.months = value,
            Some(b"day" | b"days") => made.days = value,
            _ => return Err(NO_TIME),
        }
        word = words.next();
    }
    Ok(made)
}

/// `-123:04:05.5`.
fn clock_of_span(text: &[u8], made: &mut Parts) -> Result<()> {
    let (sign, plain) = match text {
        [b'-', rest @ ..] => (-1, rest),
        [b'+', rest @ ..] => (1, rest),
        _ => (1, text),
    };
    let colon = memchr::memchr(b':', plain).ok_or(NO_TIME)?;
    let (hours, rest) = plain.split_at(colon);
    if hours.len() > 12 || !hours.first().is_some_and(u8::is_ascii_digit) {
        return Err(NO_TIME);
    }
    mark(rest, 3, b':')?;
    let mut micros = two(rest, 4)? * 1_000_000;
    match rest.get(6..) {
        Some([]) => (),
        Some([b'.', digits @ ..]) if digits.iter().all(u8::is_ascii_digit) => micros += fraction(digits)?,
        _ => return Err(NO_TIME),
    }
    made.hours = sign * super::text::int(hours)?;
    made.minutes = sign * two(rest, 1)?;
    made.micros = sign * micros;
    Ok(())
}

pub fn interval(text: &[u8], span: Span, out: &mut Out) -> Result<()> {
    match (infinite(text), span) {
        (Some(positive), Span::Micros) => out.int(if positive { i64::MAX } else { i64::MIN }),
        (Some(_), Span::Iso) => out.bin(text),
        (None, Span::Micros) => out.int(micros_of(&parts(text)?)),
        (None, Span::Iso) => {
            let made = parts(text)?;
            let bins = out.bins_mut()?;
            write_iso(&made, bins.open());
            bins.end()
        }
    }
}

/// A month counted as 365.25 / 12 days, in floating point, as Debezium does.
fn micros_of(parts: &Parts) -> i64 {
    let days = (parts.years * 12 + parts.months) as f64 * (365.25 / 12.0) + parts.days as f64;
    let seconds = parts.micros.abs() / 1_000_000;
    let clock = seconds as f64 + (parts.micros.abs() % 1_000_000) as f64 / 1e6;
    let clock = if parts.micros >= 0 { clock } else { -clock };
    // `as` cuts and holds within 64 bits, as Java does.
    ((((days * 24.0 + parts.hours as f64) * 60.0 + parts.minutes as f64) * 60.0 + clock) * 1e6) as i64
}

fn write_iso(parts: &Parts, to: &mut Vec<u8>) {
    let mut number = itoa::Buffer::new();
    for (unit, value) in [
        (&b"P"[..], None),
        (b"Y", Some(parts.years)),
        (b"M", Some(parts.months)),
        (b"DT", Some(parts.days)),
        (b"H", Some(parts.hours)),
        (b"M", Some(parts.minutes)),
    ] {
        if let Some(value) = value {
            to.extend_from_slice(number.format(value).as_bytes());
        }
        to.extend_from_slice(unit);
    }
    if parts.micros < 0 {
        to.push(b'-');
    }
    let micros = parts.micros.unsigned_abs();
    let (whole, fraction) = (micros / 1_000_000, micros % 1_000_000);
    if fraction == 0 {
        to.extend_from_slice(number.format(whole).as_bytes());
    } else {
        // Summed in floating point, which shows in about every sixtieth number, and cut to nine digits, as Debezium does.
        let text = format!("{}", whole as f64 + fraction as f64 / 1e6);
        let end = text.find('.').map_or(text.len(), |point| (point + 10).min(text.len()));
        to.extend_from_slice(text.get(..end).unwrap_or(&text).trim_end_matches('0').as_bytes());
    }
    to.push(b'S');
}
