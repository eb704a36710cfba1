//! Integers and numeric. Source: numeric_recv: digits of base 10,000, weight of the first, sign, scale shown.

use crate::error::{Declined, Result};

const NEGATIVE: u16 = 0x4000;
/// So large a number is left to the twin.
const MOST_DIGITS: usize = 16_000;
/// Below this, four groups always do.
const SMALL: u128 = 10_000_000_000_000_000;

/// int2, int4, int8, or oid. Declined for a value beyond the width.
#[inline]
pub fn write_int(value: i64, width: u8, signed: bool, out: &mut Vec<u8>) -> Result<()> {
    let beyond = Declined::Value("an integer beyond its column");
    out.extend_from_slice(&i32::from(width).to_be_bytes());
    match (width, signed) {
        (2, true) => out.extend_from_slice(&i16::try_from(value).map_err(|_| beyond)?.to_be_bytes()),
        (4, true) => out.extend_from_slice(&i32::try_from(value).map_err(|_| beyond)?.to_be_bytes()),
        (4, false) => out.extend_from_slice(&u32::try_from(value).map_err(|_| beyond)?.to_be_bytes()),
        _ => out.extend_from_slice(&value.to_be_bytes()),
    }
    Ok(())
}

/// numeric of an integer.
pub fn write_whole(value: i128, out: &mut Vec<u8>) -> Result<()> {
    write_groups(value < 0, value.unsigned_abs(), 0, 0, out)
}

/// numeric of a big-endian two's complement and the digits behind its point; a negative scale makes it larger.
#[inline]
pub fn write_unscaled(bytes: &[u8], scale: i32, out: &mut Vec<u8>) -> Result<()> {
    let shown = u16::try_from(scale.max(0)).ok().filter(|&one| one <= 16_383);
    let shown = shown.ok_or(Declined::Value("a scale of such a size"))?;
    let pad = (4 - u32::from(shown) % 4) % 4;
    let up = pad + (-i64::from(scale)).max(0).min(i64::from(u16::MAX)) as u32;
    let small =
        if bytes.len() <= 15 { 10u128.checked_pow(up).and_then(|by| magnitude(bytes).checked_mul(by)) } else { None };
    let negative = bytes.first().is_some_and(|first| first & 0x80 != 0);
    match small {
        Some(whole) => write_groups(negative, whole, shown, pad, out),
        None => {
            let mut digits = decimal_digits(bytes)?;
            if digits.len() + up as usize > MOST_DIGITS {
                return Err(Declined::Value("a number of such a size"));
            }
            digits.extend(std::iter::repeat(b'0').take(up as usize));
            write_digits(negative, &digits, shown, pad, out)
        }
    }
}

/// The magnitude of at most 15 bytes of two's complement.
fn magnitude(bytes: &[u8]) -> u128 {
    let fill = if bytes.first().is_some_and(|first| first & 0x80 != 0) { 0xff } else { 0 };
    let mut wide = [fill; 16];
    let start = wide.len().saturating_sub(bytes.len());
    if let Some(end) = wide.get_mut(start..) {
        end.copy_from_slice(bytes);
    }
    i128::from_be_bytes(wide).unsigned_abs()
}

/// `whole`: the number times 10^(shown + pad).
#[inline]
fn write_groups(negative: bool, whole: u128, shown: u16, pad: u32, out: &mut Vec<u8>) -> Result<()> {
    if whole >= SMALL {
        return write_digits(negative, whole.to_string().as_bytes(), shown, pad, out);
    }
    let whole = whole as u64;
    let sign = if negative && whole > 0 { NEGATIVE } else { 0 };
    let weight = 3 - ((u32::from(shown) + pad) / 4) as i16;
    let mut field = [0u8; 20];
    let groups = [
        16,
        4,
        weight as u16,
        sign,
        shown,
        (whole / 1_000_000_000_000) as u16,
        (whole / 100_000_000 % 10_000) as u16,
        (whole / 10_000 % 10_000) as u16,
        (whole % 10_000) as u16,
    ];
    // The length takes four bytes, of which the first two are 0.
    for (place, group) in field[2..].chunks_exact_mut(2).zip(groups) {
        place.copy_from_slice(&group.to_be_bytes());
    }
    out.extend_from_slice(&field);
    Ok(())
}

/// `digits`: decimal digits of the number times 10^(shown + pad).
fn write_digits(negative: bool, digits: &[u8], shown: u16, pad: u32, out: &mut Vec<u8>) -> Result<()> {
    let zeros = digits.iter().take_while(|&&digit| digit == b'0').count();
    let digits = digits.get(zeros..).unwrap_or(&[]);
    if digits.len() <= 16 {
        let small = digits.iter().fold(0u128, |sum, digit| sum * 10 + u128::from(digit & 15));
        return write_groups(negative, small, shown, pad, out);
    }
    let count = digits.len().div_ceil(4);
    let below = (u32::from(shown) + pad) / 4;
    let (Ok(groups), Ok(weight)) = (i16::try_from(count), i16::try_from(count as i64 - 1 - i64::from(below))) else {
        return Err(Declined::Value("a number of such a size"));
    };
    let sign = if negative { NEGATIVE } else { 0 };
    out.extend_from_slice(&(8 + 2 * i32::from(groups)).to_be_bytes());
    out.extend_from_slice(&groups.to_be_bytes());
    out.extend_from_slice(&weight.to_be_bytes());
    out.extend_from_slice(&sign.to_be_bytes());
    out.extend_from_slice(&shown.to_be_bytes());
    let (head, rest) = digits.split_at_checked(digits.len() - (count - 1) * 4).unwrap_or((digits, &[]));
    for group in std::iter::once(head).chain(rest.chunks(4)) {
        let value = group.iter().fold(0u16, |sum, digit| sum * 10 + u16::from(digit & 15));
        out.extend_from_slice(&value.to_be_bytes());
    }
    Ok(())
}

/// The decimal digits of a two's complement's magnitude.
pub fn decimal_digits(bytes: &[u8]) -> Result<Vec<u8>> {
    if bytes.len() > 6_000 {
        return Err(Declined::Value("a number of such a size"));
    }
    let negative = bytes.first().is_some_and(|first| first & 0x80 != 0);
    // Limbs of 32 bits, most significant first, of the magnitude.
    let mut padded = vec![if negative { 0xff } else { 0 }; (4 - bytes.len() % 4) % 4 + 4];
    padded.extend_from_slice(bytes);
    let mut limbs: Vec<u32> =
        padded.chunks_exact(4).map(|four| four.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte))).collect();
    if negative {
        let mut carry = true;
        for limb in limbs.iter_mut().rev() {
            let (value, over) = (!*limb).overflowing_add(carry.into());
            (*limb, carry) = (value, over);
        }
    }
    let mut groups: Vec<u32> = Vec::new();
    while limbs.iter().any(|limb| *limb != 0) {
        let mut rest = 0u64;
        for limb in &mut limbs {
            let value = rest << 32 | u64::from(*limb);
            *limb = (value / 1_000_000_000) as u32;
            rest = value % 1_000_000_000;
        }
        groups.push(rest as u32);
        let zeros = limbs.iter().take_while(|limb| **limb == 0).count();
        limbs.drain(..zeros);
    }
    let mut text = groups.pop().map_or_else(|| "0".to_owned(), |first| first.to_string());
    for group in groups.iter().rev() {
        text.push_str(&format!("{group:09}"));
    }
    Ok(text.into_bytes())
}

/// numeric of the shortest text that gives the float again, with as many digits behind the point as Python shows.
pub fn write_float(value: f64, out: &mut Vec<u8>) -> Result<()> {
    let special = |out: &mut Vec<u8>, sign: u16| {
        out.extend_from_slice(&[0, 0, 0, 8, 0, 0, 0, 0]);
        out.extend_from_slice(&sign.to_be_bytes());
        out.extend_from_slice(&[0, 0]);
        Ok(())
    };
    if value.is_nan() {
        return special(out, 0xC000);
    }
    if value.is_infinite() {
        return special(out, if value < 0.0 { 0xF000 } else { 0xD000 });
    }
    write_text(float_text(value).as_bytes(), out)
}

/// A finite float as Python's repr gives it: the shortest digits, positional from 1e-4 up to 1e16 with a digit behind the point.
pub fn float_text(value: f64) -> String {
    // Not std's formatting: between two digits that are equally near it takes the larger, Python the even one.
    let mut buffer = ryu::Buffer::new();
    let short = buffer.format_finite(value);
    let (sign, short) = short.strip_prefix('-').map_or(("", short), |rest| ("-", rest));
    let (mantissa, exponent) = short.split_once('e').unwrap_or((short, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = [whole, fraction].concat();
    let digits = all.trim_start_matches('0');
    // The point stands behind so many of `digits`.
    let point = exponent + whole.len() as i32 - (all.len() - digits.len()) as i32;
    let digits = digits.trim_end_matches('0');
    if digits.is_empty() {
        return format!("{sign}0.0");
    }
    let count = digits.len() as i32;
    let zeros = |many: i32| "0".repeat(usize::try_from(many).unwrap_or(0));
    if !(-3..=16).contains(&point) {
        let (first, rest) = digits.split_at(1);
        let dot = if rest.is_empty() { "" } else { "." };
        let shown = point - 1;
        return format!("{sign}{first}{dot}{rest}e{}{:02}", if shown < 0 { '-' } else { '+' }, shown.unsigned_abs());
    }
    if point <= 0 {
        return format!("{sign}0.{}{digits}", zeros(-point));
    }
    if point >= count {
        return format!("{sign}{digits}{}.0", zeros(point - count));
    }
    let (whole, fraction) = digits.split_at(point as usize);
    format!("{sign}{whole}.{fraction}")
}

/// numeric of a decimal number as text: digits, a point, an exponent. Declined for other forms that the twin may take.
pub fn write_text(text: &[u8], out: &mut Vec<u8>) -> Result<()> {
    let other = || Declined::Value("a number written otherwise");
    let (negative, rest) = match text.first() {
        Some(b'-') => (true, text.get(1..)),
        Some(b'+') => (false, text.get(1..)),
        _ => (false, Some(text)),
    };
    let rest = rest.ok_or_else(other)?;
    let (mantissa, exponent) = match rest.iter().position(|byte| matches!(byte, b'e' | b'E')) {
        None => (rest, 0),
        Some(at) => {
            let digits = std::str::from_utf8(rest.get(at + 1..).unwrap_or(&[])).map_err(|_| other())?;
            let exponent: i32 = digits.parse().map_err(|_| other())?;
            (rest.get(..at).unwrap_or(&[]), exponent)
        }
    };
    let (whole, fraction) = match mantissa.iter().position(|byte| *byte == b'.') {
        None => (mantissa, &[][..]),
        Some(at) => (mantissa.get(..at).unwrap_or(&[]), mantissa.get(at + 1..).unwrap_or(&[])),
    };
    let mut digits = [whole, fraction].concat();
    if digits.is_empty() || digits.len() > 4_000 || exponent.abs() > 4_000 || !digits.iter().all(u8::is_ascii_digit) {
        return Err(other());
    }
    let exponent = exponent - fraction.len() as i32;
    let shown = (-exponent).max(0) as u32;
    let pad = (4 - shown % 4) % 4;
    digits.extend(std::iter::repeat(b'0').take((exponent.max(0) as u32 + pad) as usize));
    write_digits(negative, &digits, u16::try_from(shown).map_err(|_| other())?, pad, out)
}
