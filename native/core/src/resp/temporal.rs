//! Dates and times in ISO 8601, as Python's `isoformat` has them.

use crate::calendar::{civil, FIRST_DAY, LAST_DAY};

/// A number with zeros in front, up to so many digits; longer ones as they are.
fn padded(to: &mut Vec<u8>, number: u64, count: usize) {
    let mut buffer = itoa::Buffer::new();
    let text = buffer.format(number).as_bytes();
    to.resize(to.len() + count.saturating_sub(text.len()), b'0');
    to.extend_from_slice(text);
}

/// A day from 1970-01-01. False, and nothing written, for one outside the years 1 to 9999.
pub fn day(to: &mut Vec<u8>, days: i64) -> bool {
    if !(FIRST_DAY..=LAST_DAY).contains(&days) {
        return false;
    }
    let (year, month, day) = civil(days);
    padded(to, year.unsigned_abs(), 4);
    to.push(b'-');
    padded(to, month, 2);
    to.push(b'-');
    padded(to, day, 2);
    true
}

/// Units of the day; `digits` of a second's fraction are always there. More than a day has is written as it is. False, and nothing
/// written, for negative ones.
pub fn clock(to: &mut Vec<u8>, value: i64, per_second: u64, digits: usize) -> bool {
    let Ok(value) = u64::try_from(value) else { return false };
    let (seconds, fraction) = (value / per_second, value % per_second);
    padded(to, seconds / 3600, 2);
    to.push(b':');
    padded(to, seconds / 60 % 60, 2);
    to.push(b':');
    padded(to, seconds % 60, 2);
    to.push(b'.');
    padded(to, fraction, digits);
    true
}

/// Units since the epoch. False, and nothing written, outside the years 1 to 9999.
pub fn moment(to: &mut Vec<u8>, value: i64, per_second: u64, digits: usize) -> bool {
    let Some(per_day) = i64::try_from(per_second).ok().and_then(|unit| unit.checked_mul(86_400)) else { return false };
    if !day(to, value.div_euclid(per_day)) {
        return false;
    }
    to.push(b'T');
    clock(to, value.rem_euclid(per_day), per_second, digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl Fn(&mut Vec<u8>) -> bool) -> Option<String> {
        let mut to = Vec::new();
        write(&mut to).then(|| String::from_utf8(to).unwrap())
    }

    #[test]
    fn iso() {
        assert_eq!(text(|to| day(to, 19_782)).as_deref(), Some("2024-02-29"));
        assert_eq!(text(|to| day(to, FIRST_DAY)).as_deref(), Some("0001-01-01"));
        assert_eq!(text(|to| day(to, LAST_DAY + 1)), None);
        assert_eq!(text(|to| moment(to, -1, 1_000_000, 6)).as_deref(), Some("1969-12-31T23:59:59.999999"));
        assert_eq!(text(|to| moment(to, 0, 1_000_000_000, 9)).as_deref(), Some("1970-01-01T00:00:00.000000000"));
        assert_eq!(text(|to| clock(to, 86_400_000, 1000, 3)).as_deref(), Some("24:00:00.000"));
        assert_eq!(text(|to| clock(to, -1, 1000, 3)), None);
    }
}
