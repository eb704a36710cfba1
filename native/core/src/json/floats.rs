//! Floats as Double.toString and Float.toString (JDK 19+) write them; the three that JSON has no number for as strings.

use super::room::{byte, int, slice};

/// A double; the rules are those of `headrace.data.text.java_double`.
pub fn double(room: &mut [u8], at: usize, value: f64) -> Option<usize> {
    if !value.is_finite() {
        return non_finite(room, at, value);
    }
    let mut buffer = ryu::Buffer::new();
    let text = buffer.format_finite(value);
    let magnitude = value.abs();
    if (1e-3..1e7).contains(&magnitude) || magnitude == 0.0 {
        return slice(room, at, text.as_bytes());
    }
    let parts = Parts::of(text);
    if parts.digits().len() == 1 {
        // A single digit leaves room for a second one that is nearer to the value (4.9E-324 instead of 5E-324).
        let two = format!("{value:.1e}");
        if two.parse() == Ok(value) {
            return layout(room, at, &Parts::of(&two));
        }
    }
    layout(room, at, &parts)
}

/// A float, which is rounded to single precision first; as `headrace.data.text.java_float`.
pub fn single(room: &mut [u8], at: usize, value: f64) -> Option<usize> {
    let value = value as f32;
    if !value.is_finite() {
        return non_finite(room, at, f64::from(value));
    }
    if value == 0.0 {
        return slice(room, at, if value.is_sign_negative() { b"-0.0" } else { b"0.0" });
    }
    // At a power of two the neighbour below is nearer than the one above: there the shortest digits need not be the nearest ones.
    if value.to_bits() & 0x007f_ffff != 0 {
        let mut buffer = ryu::Buffer::new();
        let parts = Parts::of(buffer.format_finite(value));
        if parts.digits().len() > 1 {
            return layout(room, at, &parts);
        }
    }
    layout(room, at, &Parts::of(&nearest(value)))
}

/// Whether a double lies just between two singles, or where they are so close that it may: to such a one a number must not be rounded on its
/// way to a single.
pub fn is_halfway(value: f64) -> bool {
    let tiny = value != 0.0 && value.abs() < f64::from(f32::MIN_POSITIVE);
    value.to_bits() & 0x1fff_ffff == 0x1000_0000 || tiny
}

/// The fewest digits, at least two, that read back when the value is rounded to them.
fn nearest(value: f32) -> String {
    let exact = f64::from(value);
    for precision in 1..9 {
        let text = format!("{exact:.precision$e}");
        if text.parse() == Ok(value) {
            return text;
        }
    }
    format!("{exact:.9e}")
}

fn non_finite(room: &mut [u8], at: usize, value: f64) -> Option<usize> {
    let text: &[u8] = if value.is_nan() {
        b"\"NaN\""
    } else if value > 0.0 {
        b"\"Infinity\""
    } else {
        b"\"-Infinity\""
    };
    slice(room, at, text)
}

/// A decimal text taken apart: the digits without zeros around them, and the exponent of the first.
struct Parts {
    negative: bool,
    room: [u8; 32],
    start: usize,
    end: usize,
    exponent: i64,
}

impl Parts {
    fn of(text: &str) -> Parts {
        let mut parts = Parts { negative: false, room: [0; 32], start: 0, end: 0, exponent: 0 };
        let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
        let mut point = None;
        for byte in mantissa.bytes() {
            match byte {
                b'-' => parts.negative = true,
                b'.' => point = Some(parts.end),
                digit => {
                    if let Some(slot) = parts.room.get_mut(parts.end) {
                        *slot = digit;
                        parts.end += 1;
                    }
                }
            }
        }
        let whole = point.unwrap_or(parts.end);
        while parts.start + 1 < parts.end && parts.room[parts.start] == b'0' {
            parts.start += 1;
        }
        while parts.start + 1 < parts.end && parts.room[parts.end - 1] == b'0' {
            parts.end -= 1;
        }
        parts.exponent = exponent.parse::<i64>().unwrap_or(0) + whole as i64 - 1 - parts.start as i64;
        parts
    }

    fn digits(&self) -> &[u8] {
        self.room.get(self.start..self.end).unwrap_or(&[])
    }
}

/// Plain between 1e-3 and 1e7, else one digit before the point and `E`.
fn layout(room: &mut [u8], mut at: usize, parts: &Parts) -> Option<usize> {
    if parts.negative {
        at = byte(room, at, b'-')?;
    }
    let digits = parts.digits();
    let exponent = parts.exponent;
    if !(-3..7).contains(&exponent) {
        let (first, rest) = digits.split_at(digits.len().min(1));
        at = slice(room, at, first)?;
        at = byte(room, at, b'.')?;
        at = slice(room, at, if rest.is_empty() { b"0" } else { rest })?;
        at = byte(room, at, b'E')?;
        return int(room, at, exponent);
    }
    if exponent < 0 {
        at = slice(room, at, b"0.")?;
        for _ in exponent..-1 {
            at = byte(room, at, b'0')?;
        }
        return slice(room, at, digits);
    }
    let whole = exponent as usize + 1;
    let (before, behind) = digits.split_at(digits.len().min(whole));
    at = slice(room, at, before)?;
    for _ in before.len()..whole {
        at = byte(room, at, b'0')?;
    }
    at = byte(room, at, b'.')?;
    slice(room, at, if behind.is_empty() { b"0" } else { behind })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(write: impl Fn(&mut [u8]) -> Option<usize>) -> String {
        String::from_utf8(super::super::room::written(|room| Ok::<_, ()>(write(room))).unwrap()).unwrap()
    }

    #[test]
    fn doubles() {
        for (value, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (100.0, "100.0"),
            (1e20, "1.0E20"),
            (1e-5, "1.0E-5"),
            (0.001, "0.001"),
            (0.00099, "9.9E-4"),
            (1e7, "1.0E7"),
            (9999999.999, "9999999.999"),
            (12345678.0, "1.2345678E7"),
            (4.9e-324, "4.9E-324"),
            (2e-323, "2.0E-323"),
            (-1.7976931348623157e308, "-1.7976931348623157E308"),
            (1.0 / 3.0, "0.3333333333333333"),
            (f64::NAN, "\"NaN\""),
            (f64::NEG_INFINITY, "\"-Infinity\""),
        ] {
            assert_eq!(text_of(|room| double(room, 0, value)), text);
        }
    }

    #[test]
    fn singles() {
        for (value, text) in [
            (0.0f32, "0.0"),
            (-0.0, "-0.0"),
            (3.4028235e38, "3.4028235E38"),
            (1.4e-45, "1.4E-45"),
            (1e10, "1.0E10"),
            (0.1, "0.1"),
            (16777216.0, "1.6777216E7"),
            (100.25, "100.25"),
            (1.175_494_4e-38, "1.1754944E-38"),
            // 7.038531E-26 is nearer to the first; rounded to a double it would be just between them.
            (f32::from_bits(0x15ae_43fd), "7.038531E-26"),
            (f32::from_bits(0x15ae_43fe), "7.0385313E-26"),
        ] {
            assert_eq!(text_of(|room| single(room, 0, f64::from(value))), text);
        }
        assert_eq!(text_of(|room| single(room, 0, 1e300)), "\"Infinity\"");
    }

    /// The short way and the definition, over singles of all exponents.
    #[test]
    fn singles_by_both_ways() {
        for exponent in 0..255u32 {
            for step in 0..200u32 {
                let bits = exponent << 23 | (step.wrapping_mul(0x9e37_79b9) >> 9);
                let value = f32::from_bits(bits);
                if value != 0.0 {
                    let slow = text_of(|room| layout(room, 0, &Parts::of(&nearest(value))));
                    assert_eq!(text_of(|room| single(room, 0, f64::from(value))), slow, "{bits:#x}");
                }
            }
        }
    }
}
