//! From decimal digits to unscaled values: big-endian two's complement, as short as can be (BigInteger.toByteArray).

use crate::error::{Declined, Result};

/// Beyond it the work grows with the square; the twin does those.
const MOST_DIGITS: usize = 20_000;

/// Append the two's complement of the ASCII digits in `parts`, one behind the other (none stand for zero).
pub fn write_unscaled(to: &mut Vec<u8>, negative: bool, parts: &[&[u8]]) -> Result<()> {
    let digits: usize = parts.iter().map(|part| part.len()).sum();
    if digits <= 18 {
        let mut value = 0i64;
        for &digit in parts.iter().copied().flatten() {
            value = value * 10 + i64::from(digit_of(digit)?);
        }
        write_i64(to, if negative { -value } else { value });
        return Ok(());
    }
    if digits > MOST_DIGITS {
        return Err(Declined::Value("a number of very many digits"));
    }
    write_big(to, negative, &magnitude(parts)?);
    Ok(())
}

/// Append the two's complement of a number.
pub fn write_i64(to: &mut Vec<u8>, value: i64) {
    let bytes = value.to_be_bytes();
    let same = if value < 0 { value.leading_ones() } else { value.leading_zeros() };
    // A leading byte that only repeats the sign goes.
    let repeated = (same - 1) / 8;
    to.extend_from_slice(bytes.get(repeated as usize..).unwrap_or(&bytes));
}

fn digit_of(byte: u8) -> Result<u8> {
    match byte {
        b'0'..=b'9' => Ok(byte - b'0'),
        _ => Err(Declined::Value("a number with something that is no digit")),
    }
}

/// Little-endian words of the digits' value.
fn magnitude(parts: &[&[u8]]) -> Result<Vec<u32>> {
    let mut words: Vec<u32> = Vec::new();
    let (mut group, mut factor) = (0u32, 1u32);
    for &digit in parts.iter().copied().flatten() {
        group = group * 10 + u32::from(digit_of(digit)?);
        factor *= 10;
        if factor == 1_000_000_000 {
            multiply_add(&mut words, factor, group);
            (group, factor) = (0, 1);
        }
    }
    multiply_add(&mut words, factor, group);
    Ok(words)
}

fn multiply_add(words: &mut Vec<u32>, factor: u32, add: u32) {
    let mut carry = u64::from(add);
    for word in words.iter_mut() {
        // At most (2^32 - 1) * 10^9 + 2^32: no overflow.
        carry += u64::from(*word) * u64::from(factor);
        *word = carry as u32;
        carry >>= 32;
    }
    if carry > 0 {
        words.push(carry as u32);
    }
}

fn write_big(to: &mut Vec<u8>, negative: bool, words: &[u32]) {
    let mut bytes: Vec<u8> = Vec::with_capacity(words.len() * 4 + 1);
    bytes.push(0);
    bytes.extend(words.iter().rev().flat_map(|word| word.to_be_bytes()));
    if negative {
        let mut carry = true;
        for byte in bytes.iter_mut().rev() {
            let (sum, over) = (!*byte).overflowing_add(u8::from(carry));
            (*byte, carry) = (sum, over);
        }
    }
    let mut rest: &[u8] = &bytes;
    while let [first, tail @ ..] = rest {
        match tail.first() {
            Some(second) if (*first == 0 && *second < 0x80) || (*first == 0xFF && *second >= 0x80) => rest = tail,
            _ => break,
        }
    }
    to.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(negative: bool, digits: &str) -> Vec<u8> {
        let mut to = Vec::new();
        write_unscaled(&mut to, negative, &[digits.as_bytes()]).unwrap();
        to
    }

    #[test]
    fn short_and_long_numbers_are_of_one_form() {
        for (digits, number) in [("0", 0i128), ("127", 127), ("128", 128), ("255", 255), ("256", 256), ("32768", 32768)]
        {
            for negative in [false, true] {
                let value = if negative { -number } else { number };
                let padded = format!("{digits:0>25}");
                assert_eq!(made(negative, digits), made(negative, &padded), "{value}");
                let mut wide = if value < 0 { vec![0xFF; 16] } else { vec![0; 16] };
                let bytes = made(negative, digits);
                wide.truncate(16 - bytes.len());
                wide.extend(&bytes);
                assert_eq!(i128::from_be_bytes(wide.try_into().unwrap()), value);
            }
        }
        assert_eq!(made(true, "128"), [0x80]);
        assert_eq!(made(false, "128"), [0, 0x80]);
        assert_eq!(made(true, "0000000000000000000000000128"), [0x80]);
    }
}
