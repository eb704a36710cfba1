//! Texts of numeric and money.

use super::numeric::{write_i64, write_unscaled};
use super::out::Out;
use super::plan::Money;
use super::text::float;
use crate::error::{Declined, Result};

const NO_DECIMAL: Declined = Declined::Value("a decimal number");

/// A finite number's text: negative, digits before the point, digits behind it.
fn parts(text: &[u8]) -> Result<(bool, &[u8], &[u8])> {
    let (negative, plain) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    let (whole, fraction) = match memchr::memchr(b'.', plain) {
        Some(point) => (plain.get(..point).unwrap_or(&[]), plain.get(point + 1..).unwrap_or(&[])),
        None => (plain, &[][..]),
    };
    // What else is no digit is found where the digits are read.
    if whole.is_empty() || !whole.iter().all(u8::is_ascii_digit) {
        return Err(NO_DECIMAL);
    }
    Ok((negative, whole, fraction))
}

/// The unscaled value of a number that has exactly `scale` places.
pub fn decimal(text: &[u8], scale: i32, out: &mut Out) -> Result<()> {
    if text.len() <= 18 && scale >= 0 {
        return short_decimal(text, scale, out);
    }
    let (negative, whole, fraction) = parts(text)?;
    let places = usize::try_from(scale).unwrap_or(0);
    if fraction.len() != places {
        return Err(Declined::Value("a number of other places than the column's"));
    }
    let mut kept = whole;
    if scale < 0 && whole != b"0" {
        // The text has zeros in front of the point that the scale does not count.
        let counted = whole.len().checked_sub(scale.unsigned_abs() as usize).ok_or(NO_DECIMAL)?;
        let zeros;
        (kept, zeros) = whole.split_at(counted);
        if zeros.iter().any(|&digit| digit != b'0') {
            return Err(NO_DECIMAL);
        }
    }
    if negative && kept.iter().chain(fraction).all(|&digit| digit == b'0') {
        return Err(Declined::Value("a zero with a sign"));
    }
    let bins = out.bins_mut()?;
    write_unscaled(bins.open(), negative, &[kept, fraction])?;
    bins.end()
}

/// The same for few digits and a scale that is not negative, in one pass.
#[inline]
fn short_decimal(text: &[u8], scale: i32, out: &mut Out) -> Result<()> {
    let (negative, plain) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    let (mut value, mut point) = (0i64, None);
    for (at, &byte) in plain.iter().enumerate() {
        match byte {
            b'0'..=b'9' => value = value * 10 + i64::from(byte - b'0'),
            b'.' if point.is_none() && at > 0 => point = Some(at),
            _ => return Err(NO_DECIMAL),
        }
    }
    let places = point.map_or(0, |at| plain.len() - at - 1);
    if plain.is_empty() || places != scale as usize || (negative && value == 0) {
        return Err(Declined::Value("a number of other places than the column's"));
    }
    let bins = out.bins_mut()?;
    write_i64(bins.open(), if negative { -value } else { value });
    bins.end()
}

/// Scale and unscaled value, without zeros at the end behind the point.
pub fn variable(text: &[u8], out: &mut Out) -> Result<()> {
    let (negative, whole, fraction) = parts(text)?;
    let zeros = fraction.iter().rev().take_while(|&&digit| digit == b'0').count();
    let fraction = fraction.get(..fraction.len() - zeros).unwrap_or(&[]);
    let made = out.structs_mut()?;
    if let [scale, value] = made.fields.as_mut_slice() {
        scale.int(i64::try_from(fraction.len()).map_err(|_| Declined::TooLarge)?)?;
        let bins = value.bins_mut()?;
        write_unscaled(bins.open(), negative, &[whole, fraction])?;
        bins.end()?;
    }
    made.end();
    Ok(())
}

/// An amount of money in any locale: the last separator is the decimal one, unless it stands before a group of three.
pub fn money(text: &[u8], money: Money, out: &mut Out) -> Result<()> {
    const NO_MONEY: Declined = Declined::Value("an amount of money");
    if !text.is_ascii() {
        return Err(NO_MONEY);
    }
    let negative = text.iter().any(|byte| matches!(byte, b'-' | b'('));
    let only_digits = |bytes: &[u8]| -> Vec<u8> { bytes.iter().copied().filter(u8::is_ascii_digit).collect() };
    let behind = text.iter().rposition(|byte| matches!(byte, b'.' | b',')).and_then(|point| text.get(point + 1..));
    let behind = behind.map_or(0, |rest| only_digits(rest).len());
    let wanted = match money {
        Money::Decimal(places) | Money::Double(places) => Some(places as usize),
        Money::Text => None,
    };
    let mut places = if Some(behind) == wanted || behind != 3 { behind } else { 0 };
    let mut digits = only_digits(text);
    // What Python's decimals hold without rounding, and no more.
    if digits.is_empty() || digits.len() + wanted.unwrap_or(0) > 28 {
        return Err(NO_MONEY);
    }
    if let Some(wanted) = wanted {
        if places > wanted {
            // Half of a place and more is rounded up.
            let cut = digits.len() - (places - wanted).min(digits.len());
            let up = digits.get(cut).is_some_and(|&digit| digit >= b'5') && places - wanted <= digits.len();
            digits.truncate(cut);
            if up {
                increase(&mut digits);
            }
        } else {
            digits.resize(digits.len() + wanted - places, b'0');
        }
        places = wanted;
    }
    let zero = digits.iter().all(|&digit| digit == b'0');
    match money {
        Money::Decimal(_) => {
            let bins = out.bins_mut()?;
            write_unscaled(bins.open(), negative, &[&digits])?;
            bins.end()
        }
        Money::Text => out.bin(&shown(&digits, places, negative && !zero)),
        Money::Double(_) => out.float(float(&shown(&digits, places, negative && !zero))?),
    }
}

fn increase(digits: &mut Vec<u8>) {
    for digit in digits.iter_mut().rev() {
        if *digit < b'9' {
            *digit += 1;
            return;
        }
        *digit = b'0';
    }
    digits.insert(0, b'1');
}

fn shown(digits: &[u8], places: usize, negative: bool) -> Vec<u8> {
    let zeros = (places + 1).saturating_sub(digits.len());
    let mut padded = vec![b'0'; zeros];
    padded.extend_from_slice(digits);
    let (whole, fraction) = padded.split_at(padded.len() - places);
    let first = whole.iter().position(|&digit| digit != b'0').unwrap_or(whole.len().saturating_sub(1));
    let mut text = if negative { vec![b'-'] } else { Vec::new() };
    text.extend_from_slice(whole.get(first..).unwrap_or(whole));
    if places > 0 {
        text.push(b'.');
        text.extend_from_slice(fraction);
    }
    text
}
