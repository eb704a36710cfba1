//! Dates, times and intervals. PostgreSQL counts from 2000-01-01 in the proleptic Gregorian calendar.

use super::binary::{integer, malformed, Cursor};
use super::temporal::{DAY_US, PG_EPOCH_DAYS};
use crate::calendar::civil;
use crate::error::Result;

/// date: `infinity`, `2020-01-02`, `0044-03-15 BC`.
pub fn write_date(days: i32, out: &mut Vec<u8>) {
    match days {
        i32::MAX => out.extend_from_slice(b"infinity"),
        i32::MIN => out.extend_from_slice(b"-infinity"),
        _ => {
            if write_day(i64::from(days), out) {
                out.extend_from_slice(b" BC");
            }
        }
    }
}

/// timestamp, and timestamptz in UTC.
pub fn write_timestamp(micros: i64, zoned: bool, out: &mut Vec<u8>) {
    match micros {
        i64::MAX => out.extend_from_slice(b"infinity"),
        i64::MIN => out.extend_from_slice(b"-infinity"),
        _ => {
            let before = write_day(micros.div_euclid(DAY_US), out);
            out.push(b' ');
            write_clock(micros.rem_euclid(DAY_US), out);
            if zoned {
                out.extend_from_slice(b"+00");
            }
            if before {
                out.extend_from_slice(b" BC");
            }
        }
    }
}

/// time: `24:00:00` is the whole day.
pub fn write_time(micros: i64, out: &mut Vec<u8>) -> Result<()> {
    if !(0..=DAY_US).contains(&micros) {
        return Err(malformed("time"));
    }
    write_clock(micros, out);
    Ok(())
}

/// timetz: the zone as it was given, `+01`, `-03:30`, `+00:00:01`.
pub fn write_timetz(value: &[u8], out: &mut Vec<u8>) -> Result<()> {
    let mut cursor = Cursor::new(value);
    let (micros, west) = (cursor.i64()?, cursor.i32()?);
    cursor.end()?;
    write_time(micros, out)?;
    // The number counts westwards.
    out.push(if west <= 0 { b'+' } else { b'-' });
    let seconds = west.unsigned_abs();
    padded(u64::from(seconds / 3600), 2, out);
    if seconds % 3600 != 0 {
        out.push(b':');
        padded(u64::from(seconds / 60 % 60), 2, out);
    }
    if seconds % 60 != 0 {
        out.push(b':');
        padded(u64::from(seconds % 60), 2, out);
    }
    Ok(())
}

/// interval in style postgres: `1 year 2 mons -3 days +04:05:06.789`.
pub fn write_interval(value: &[u8], infinite: bool, out: &mut Vec<u8>) -> Result<()> {
    let mut cursor = Cursor::new(value);
    let (micros, days, months) = (cursor.i64()?, cursor.i32()?, cursor.i32()?);
    cursor.end()?;
    match (micros, days, months) {
        (i64::MAX, i32::MAX, i32::MAX) if infinite => out.extend_from_slice(b"infinity"),
        (i64::MIN, i32::MIN, i32::MIN) if infinite => out.extend_from_slice(b"-infinity"),
        _ => {
            let (mut first, mut before) = (true, false);
            for (count, unit) in [(months / 12, "year"), (months % 12, "mon"), (days, "day")] {
                if count == 0 {
                    continue;
                }
                if !first {
                    out.push(b' ');
                }
                if before && count > 0 {
                    out.push(b'+');
                }
                integer(i64::from(count), out);
                out.push(b' ');
                out.extend_from_slice(unit.as_bytes());
                if count != 1 {
                    out.push(b's');
                }
                (first, before) = (false, count < 0);
            }
            if first || micros != 0 {
                if !first {
                    out.push(b' ');
                }
                if micros < 0 {
                    out.push(b'-');
                } else if before {
                    out.push(b'+');
                }
                write_hours(micros.unsigned_abs(), out);
            }
        }
    }
    Ok(())
}

/// A day since 2000-01-01; true for one before the year 1, which is written by its year BC.
fn write_day(days: i64, out: &mut Vec<u8>) -> bool {
    let (year, month, day) = civil(days + PG_EPOCH_DAYS);
    let before = year <= 0;
    padded((if before { 1 - year } else { year }).unsigned_abs(), 4, out);
    out.push(b'-');
    padded(month, 2, out);
    out.push(b'-');
    padded(day, 2, out);
    before
}

fn write_clock(micros: i64, out: &mut Vec<u8>) {
    write_hours(micros.unsigned_abs(), out);
}

/// `hh:mm:ss` and as much of a fraction as there is.
fn write_hours(micros: u64, out: &mut Vec<u8>) {
    let seconds = micros / 1_000_000;
    padded(seconds / 3600, 2, out);
    out.push(b':');
    padded(seconds / 60 % 60, 2, out);
    out.push(b':');
    padded(seconds % 60, 2, out);
    let fraction = micros % 1_000_000;
    if fraction != 0 {
        out.push(b'.');
        padded(fraction, 6, out);
        while out.last() == Some(&b'0') {
            out.pop();
        }
    }
}

/// Decimal, with zeros in front up to that many digits.
fn padded(value: u64, digits: usize, out: &mut Vec<u8>) {
    let mut buffer = itoa::Buffer::new();
    let text = buffer.format(value).as_bytes();
    for _ in text.len()..digits {
        out.push(b'0');
    }
    out.extend_from_slice(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn days() {
        assert_eq!(text(|out| write_date(0, out)), "2000-01-01");
        assert_eq!(text(|out| write_date(-1, out)), "1999-12-31");
        assert_eq!(text(|out| write_date(59, out)), "2000-02-29");
        assert_eq!(text(|out| write_date(-730_119, out)), "0001-01-01");
        assert_eq!(text(|out| write_date(-730_120, out)), "0001-12-31 BC");
        assert_eq!(text(|out| write_date(i32::MIN, out)), "-infinity");
    }

    #[test]
    fn every_number_has_a_text() {
        for days in [i32::MAX - 1, i32::MIN + 1] {
            assert!(!text(|out| write_date(days, out)).is_empty());
        }
        for micros in [i64::MAX - 1, i64::MIN + 1] {
            assert!(!text(|out| write_timestamp(micros, true, out)).is_empty());
            let mut bytes = micros.to_be_bytes().to_vec();
            bytes.extend_from_slice(&i32::MIN.to_be_bytes());
            bytes.extend_from_slice(&i32::MIN.to_be_bytes());
            assert!(!text(|out| write_interval(&bytes, true, out).unwrap()).is_empty());
        }
        assert!(write_time(-1, &mut Vec::new()).is_err());
    }
}
