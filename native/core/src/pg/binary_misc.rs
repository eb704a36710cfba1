//! Floats, bytes, uuids, network addresses, bit strings: their texts.

use super::binary::{integer, malformed, Cursor};
use crate::error::Result;

const HEX: &[u8; 16] = b"0123456789abcdef";

/// The fewest digits that give the same number again, in the server's form.
pub fn write_float8(value: f64, out: &mut Vec<u8>) {
    if value.is_finite() {
        shortest(&format!("{value:e}"), 15, out);
    } else {
        special(value.is_nan(), value < 0.0, out);
    }
}

pub fn write_float4(value: f32, out: &mut Vec<u8>) {
    if value.is_finite() {
        shortest(&format!("{value:e}"), 6, out);
    } else {
        special(value.is_nan(), value < 0.0, out);
    }
}

fn special(nan: bool, negative: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(match (nan, negative) {
        (true, _) => b"NaN".as_slice(),
        (_, true) => b"-Infinity",
        _ => b"Infinity",
    });
}

/// From `-1.25e-7`: with an exponent below 10 to the power of -4 and from 10 to the power of `most` on, else plain.
fn shortest(scientific: &str, most: i32, out: &mut Vec<u8>) {
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let digits: Vec<u8> = mantissa.bytes().filter(|one| *one != b'.').collect();
    out.extend_from_slice(sign.as_bytes());
    if !(-4..most).contains(&exponent) {
        out.extend_from_slice(mantissa.as_bytes());
        out.push(b'e');
        out.push(if exponent < 0 { b'-' } else { b'+' });
        if exponent.abs() < 10 {
            out.push(b'0');
        }
        integer(i64::from(exponent.abs()), out);
        return;
    }
    if exponent < 0 {
        out.extend_from_slice(b"0.");
        out.extend((1..-exponent).map(|_| b'0'));
        out.extend_from_slice(&digits);
        return;
    }
    // The digits before the point: one more than the exponent.
    let whole = usize::try_from(exponent).unwrap_or(0) + 1;
    for place in 0..whole.max(digits.len()) {
        if place == whole {
            out.push(b'.');
        }
        out.push(digits.get(place).copied().unwrap_or(b'0'));
    }
}

/// bytea: `\x…`.
pub fn write_hex(value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"\\x");
    for byte in value {
        hex(*byte, out);
    }
}

#[inline]
fn hex(byte: u8, out: &mut Vec<u8>) {
    out.push(nibble(byte >> 4));
    out.push(nibble(byte));
}

#[inline]
fn nibble(value: u8) -> u8 {
    HEX.get(usize::from(value & 15)).copied().unwrap_or(b'0')
}

pub fn write_uuid(value: &[u8; 16], out: &mut Vec<u8>) {
    for (place, byte) in value.iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            out.push(b'-');
        }
        hex(*byte, out);
    }
}

/// macaddr and macaddr8.
pub fn write_mac(value: &[u8], out: &mut Vec<u8>) {
    for (place, byte) in value.iter().enumerate() {
        if place > 0 {
            out.push(b':');
        }
        hex(*byte, out);
    }
}

/// bit and varbit: a count of bits, then the bits.
pub fn write_bits(value: &[u8], out: &mut Vec<u8>) -> Result<()> {
    let mut cursor = Cursor::new(value);
    let count = usize::try_from(cursor.i32()?).map_err(|_| malformed("bit"))?;
    let bytes = cursor.rest();
    if bytes.len() != count.div_ceil(8) {
        return Err(malformed("bit"));
    }
    out.extend(bytes.iter().flat_map(|byte| (0..8).rev().map(move |place| b'0' + (byte >> place & 1))).take(count));
    Ok(())
}

/// inet and cidr: family, bits of the net, whether it is a cidr, length, address.
pub fn write_inet(value: &[u8], out: &mut Vec<u8>) -> Result<()> {
    let mut cursor = Cursor::new(value);
    let [family, bits, cidr, length] = cursor.array()?;
    let most = match (family, length) {
        (2, 4) => {
            write_ipv4(&cursor.array()?, out);
            32
        }
        (3, 16) => {
            write_ipv6(&cursor.array()?, out);
            128
        }
        _ => return Err(malformed("inet")),
    };
    cursor.end()?;
    if bits > most {
        return Err(malformed("inet"));
    }
    if bits != most || cidr != 0 {
        out.push(b'/');
        integer(i64::from(bits), out);
    }
    Ok(())
}

fn write_ipv4(address: &[u8; 4], out: &mut Vec<u8>) {
    for (place, byte) in address.iter().enumerate() {
        if place > 0 {
            out.push(b'.');
        }
        integer(i64::from(*byte), out);
    }
}

/// The first longest run of two zero words and more is left out; an address that holds one of IPv4 shows it. As the server's
/// inet_net_ntop.c has it.
fn write_ipv6(address: &[u8; 16], out: &mut Vec<u8>) {
    let mut words = [0u16; 8];
    for (word, pair) in words.iter_mut().zip(address.chunks_exact(2)) {
        *word = pair.iter().fold(0, |sum, byte| sum << 8 | u16::from(*byte));
    }
    let (start, length) = longest_zeros(&words);
    let [.., word5, _, word7] = words;
    let holds_ipv4 = start == 0 && (length == 6 || (length == 7 && word7 != 1) || (length == 5 && word5 == 0xFFFF));
    let run = start..start + length;
    for (place, word) in words.iter().enumerate() {
        if length > 0 && run.contains(&place) {
            if place == start {
                out.push(b':');
            }
            continue;
        }
        if place > 0 {
            out.push(b':');
        }
        if place == 6 && holds_ipv4 {
            let [.., a, b, c, d] = *address;
            write_ipv4(&[a, b, c, d], out);
            return;
        }
        out.extend_from_slice(format!("{word:x}").as_bytes());
    }
    if length > 0 && run.end == 8 {
        out.push(b':');
    }
}

/// (first word, number of words) of the first longest run of zeros; none where it is of one word.
fn longest_zeros(words: &[u16; 8]) -> (usize, usize) {
    let (mut best, mut current) = ((0, 0), (0, 0));
    for (place, word) in words.iter().enumerate() {
        current = match (*word, current) {
            (0, (_, 0)) => (place, 1),
            (0, (start, length)) => (start, length + 1),
            _ => (0, 0),
        };
        if current.1 > best.1 {
            best = current;
        }
    }
    if best.1 < 2 {
        (0, 0)
    } else {
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn float(value: f64) -> String {
        let mut out = Vec::new();
        write_float8(value, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn floats() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.5, "1.5"),
            (100.0, "100"),
            (123_456_789_012_345.0, "123456789012345"),
            (1e15, "1e+15"),
            (1.25e-5, "1.25e-05"),
            (0.0001, "0.0001"),
            (-1.5e300, "-1.5e+300"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(float(value), text);
        }
    }

    #[test]
    fn addresses() {
        let text = |bytes: &[u8]| {
            let mut out = Vec::new();
            write_inet(bytes, &mut out).map(|()| String::from_utf8(out).unwrap())
        };
        assert_eq!(text(&[2, 32, 0, 4, 10, 0, 0, 1]).unwrap(), "10.0.0.1");
        assert_eq!(text(&[2, 32, 1, 4, 10, 0, 0, 1]).unwrap(), "10.0.0.1/32");
        assert_eq!(text(&[2, 24, 0, 4, 10, 0, 0, 1]).unwrap(), "10.0.0.1/24");
        let mut v6 = vec![3, 128, 0, 16];
        v6.extend_from_slice(&[0; 16]);
        assert_eq!(text(&v6).unwrap(), "::");
        assert!(text(&[2, 33, 0, 4, 10, 0, 0, 1]).is_err());
        assert!(text(&[9, 3, 0, 4, 10, 0, 0, 1]).is_err());
        assert!(text(&[]).is_err());
    }
}
