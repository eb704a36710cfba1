//! Base64 (RFC 4648, with padding).

use super::out::Out;

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#[inline(always)]
fn letter(bits: u32, shift: u32) -> u8 {
    LETTERS[(bits >> shift & 63) as usize]
}

/// The letters of `bytes`.
pub fn encode(out: &mut Out, bytes: &[u8]) {
    let mut groups = bytes.chunks_exact(3);
    for group in &mut groups {
        if let [a, b, c] = *group {
            let bits = u32::from(a) << 16 | u32::from(b) << 8 | u32::from(c);
            out.slice(&[letter(bits, 18), letter(bits, 12), letter(bits, 6), letter(bits, 0)]);
        }
    }
    match *groups.remainder() {
        [a] => {
            let bits = u32::from(a) << 16;
            out.slice(&[letter(bits, 18), letter(bits, 12), b'=', b'=']);
        }
        [a, b] => {
            let bits = u32::from(a) << 16 | u32::from(b) << 8;
            out.slice(&[letter(bits, 18), letter(bits, 12), letter(bits, 6), b'=']);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")] {
            let mut out = Out::default();
            encode(&mut out, bytes.as_bytes());
            assert_eq!(out.written(), text.as_bytes());
        }
    }
}
