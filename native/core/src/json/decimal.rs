//! Decimals: an unscaled value in big-endian two's complement and a scale.

use super::base64;
use super::room::{byte, int, slice};
use crate::error::{Declined, Result};

/// Bytes of the longest value written here; longer ones are left to the twin, which has limits of its own for them.
pub const LONGEST: usize = 1024;

/// The shortest two's complement of the same value, as BigInteger.toByteArray gives it.
pub fn shortest(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes;
    while let [first, second, ..] = rest {
        let needless = (*first == 0 && *second < 0x80) || (*first == 0xff && *second >= 0x80);
        if !needless {
            break;
        }
        rest = rest.get(1..).unwrap_or(&[]);
    }
    if rest.is_empty() {
        &[0]
    } else {
        rest
    }
}

/// The base64 of the shortest form, between quotes.
pub fn quoted(room: &mut [u8], at: usize, unscaled: &[u8]) -> Option<usize> {
    base64::quoted(room, at, shortest(unscaled))
}

/// BigDecimal.toString: plain where the scale is not negative and the first digit not below 1E-6, else with an exponent.
pub fn number(room: &mut [u8], mut at: usize, unscaled: &[u8], scale: i32) -> Option<usize> {
    let negative = unscaled.first().is_some_and(|&first| first >= 0x80);
    let mut few = [0u8; 40];
    let many;
    let digits: &[u8] = if unscaled.len() <= 16 {
        let sign = if negative { -1i128 } else { 0 };
        let value = unscaled.iter().fold(sign, |value, &byte| value << 8 | i128::from(byte));
        small(value.unsigned_abs(), &mut few)
    } else {
        many = large(unscaled, negative);
        &many
    };
    if negative {
        at = byte(room, at, b'-')?;
    }
    let (count, scale) = (digits.len() as i64, i64::from(scale));
    let adjusted = count - 1 - scale;
    if scale == 0 {
        return slice(room, at, digits);
    }
    if scale > 0 && adjusted >= -6 {
        let whole = count - scale;
        if whole > 0 {
            let (before, behind) = digits.split_at((whole as usize).min(digits.len()));
            at = slice(room, at, before)?;
            at = byte(room, at, b'.')?;
            return slice(room, at, behind);
        }
        at = slice(room, at, b"0.")?;
        for _ in whole..0 {
            at = byte(room, at, b'0')?;
        }
        return slice(room, at, digits);
    }
    let (first, behind) = digits.split_at(digits.len().min(1));
    at = slice(room, at, first)?;
    if !behind.is_empty() {
        at = byte(room, at, b'.')?;
        at = slice(room, at, behind)?;
    }
    at = slice(room, at, if adjusted > 0 { b"E+" } else { b"E" })?;
    int(room, at, adjusted)
}

fn small(mut value: u128, room: &mut [u8; 40]) -> &[u8] {
    let mut at = room.len();
    loop {
        at -= 1;
        room[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            return &room[at..];
        }
    }
}

/// The digits of the magnitude, by division by 10^9 again and again.
fn large(unscaled: &[u8], negative: bool) -> Vec<u8> {
    let fill = if negative { 0xff } else { 0 };
    // Words of 32 bits, the highest first.
    let mut words: Vec<u32> = unscaled
        .rchunks(4)
        .rev()
        .map(|chunk| {
            let mut word = [fill; 4];
            word[4 - chunk.len()..].copy_from_slice(chunk);
            u32::from_be_bytes(word)
        })
        .collect();
    if negative {
        let mut carry = true;
        for word in words.iter_mut().rev() {
            (*word, carry) = (!*word).overflowing_add(u32::from(carry));
        }
        if carry {
            words.insert(0, 1);
        }
    }
    let mut groups: Vec<u32> = Vec::new();
    while words.iter().any(|&word| word != 0) {
        let mut rest = 0u64;
        for word in &mut words {
            let value = rest << 32 | u64::from(*word);
            *word = (value / 1_000_000_000) as u32;
            rest = value % 1_000_000_000;
        }
        groups.push(rest as u32);
        let zeros = words.iter().take_while(|&&word| word == 0).count();
        words.drain(..zeros);
    }
    let mut text = String::new();
    for (place, group) in groups.iter().rev().enumerate() {
        text.push_str(&if place == 0 { group.to_string() } else { format!("{group:09}") });
    }
    if text.is_empty() {
        text.push('0');
    }
    text.into_bytes()
}

/// Appends the unscaled value of a number's text, whose point does not count; the text is one by JSON's grammar, without exponent.
pub fn parse(text: &[u8], into: &mut Vec<u8>) -> Result<()> {
    let mut value = 0i128;
    for digit in text.iter().filter(|byte| byte.is_ascii_digit()) {
        let next = value.checked_mul(10).and_then(|value| value.checked_add(i128::from(digit - b'0')));
        value = next.ok_or(Declined::Value("a decimal of that many digits"))?;
    }
    if text.first() == Some(&b'-') {
        value = -value;
    }
    into.extend_from_slice(shortest(&value.to_be_bytes()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8], scale: i32) -> String {
        let made = super::super::room::written(|room| Ok::<_, ()>(number(room, 0, bytes, scale))).unwrap();
        String::from_utf8(made).unwrap()
    }

    #[test]
    fn java_texts() {
        assert_eq!(text(&[], 0), "0");
        assert_eq!(text(&[123], 0), "123");
        assert_eq!(text(&[123], 2), "1.23");
        assert_eq!(text(&[0xff], 2), "-0.01");
        assert_eq!(text(&[0], 8), "0E-8");
        assert_eq!(text(&[0], 6), "0.000000");
        assert_eq!(text(&[1], 7), "1E-7");
        assert_eq!(text(&[12], 8), "1.2E-7");
        assert_eq!(text(&[12], 7), "0.0000012");
        assert_eq!(text(&[5], -2), "5E+2");
        assert_eq!(text(&[0x80], -2), "-1.28E+4");
    }

    #[test]
    fn long_ones() {
        let mut bytes = vec![0x7f];
        bytes.extend([0xff; 15]);
        assert_eq!(text(&bytes, 0), i128::MAX.to_string());
        bytes.insert(0, 0);
        assert_eq!(text(&bytes, 0), i128::MAX.to_string());
        let mut lowest = vec![0xff, 0x80];
        lowest.extend([0; 15]);
        assert_eq!(text(&lowest, 0), i128::MIN.to_string());
        let mut power = vec![1];
        power.extend([0; 16]);
        assert_eq!(text(&power, 0), "340282366920938463463374607431768211456");
        assert_eq!(text(&[0xff; 20], 0), "-1");
        let mut least = vec![0x80];
        least.extend([0; 19]);
        assert_eq!(text(&least, 0), "-730750818665451459101842416358141509827966271488");
    }

    #[test]
    fn numbers_are_read() {
        for (number, bytes) in
            [("0", &[0u8][..]), ("-0.00", &[0]), ("1.28", &[0, 0x80]), ("-1.28", &[0x80]), ("255", &[0, 255])]
        {
            let mut into = vec![9];
            assert_eq!((parse(number.as_bytes(), &mut into), &into[1..]), (Ok(()), bytes), "{number}");
        }
        assert!(parse("9".repeat(39).as_bytes(), &mut Vec::new()).is_err());
    }

    #[test]
    fn shortest_form() {
        assert_eq!(shortest(&[]), &[0]);
        assert_eq!(shortest(&[0, 0, 0x7f]), &[0x7f]);
        assert_eq!(shortest(&[0, 0x80]), &[0, 0x80]);
        assert_eq!(shortest(&[0xff, 0xff, 0x80]), &[0x80]);
        assert_eq!(shortest(&[0xff, 0x7f]), &[0xff, 0x7f]);
    }
}
