//! Text in JSON with Jackson's escapes: control characters as `\u001F`, characters beyond U+FFFF as a pair of surrogates.

use super::out::Out;

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// Whether any byte is written otherwise than as it is.
#[inline]
pub fn needs_escapes(text: &[u8]) -> bool {
    // Without an early end for each chunk, so that the compiler may use wide instructions.
    text.chunks(256).any(|chunk| chunk.iter().fold(false, |found, &byte| found | is_special(byte)))
}

#[inline(always)]
fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\' || byte >= 0xf0
}

/// The text without the quotes around it.
pub fn escaped(out: &mut Out, text: &[u8]) {
    let mut done = 0;
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        if !is_special(byte) {
            at += 1;
            continue;
        }
        out.part(text, done, at);
        at += 1;
        match byte {
            b'"' => out.slice(b"\\\""),
            b'\\' => out.slice(b"\\\\"),
            8 => out.slice(b"\\b"),
            9 => out.slice(b"\\t"),
            10 => out.slice(b"\\n"),
            12 => out.slice(b"\\f"),
            13 => out.slice(b"\\r"),
            0..=0x1f => unit(out, u32::from(byte)),
            _ => {
                // The first of the four bytes of a character beyond U+FFFF.
                let tail = text.get(at..at + 3).unwrap_or(&[]);
                let code = tail.iter().fold(u32::from(byte & 7), |code, next| code << 6 | u32::from(next & 0x3f));
                let code = code.wrapping_sub(0x10000);
                unit(out, 0xd800 + (code >> 10 & 0x3ff));
                unit(out, 0xdc00 + (code & 0x3ff));
                at += 3;
            }
        }
        done = at;
    }
    out.part(text, done, text.len());
}

/// `\uXXXX`
fn unit(out: &mut Out, code: u32) {
    let digit = |shift: u32| HEX[(code >> shift & 15) as usize];
    out.slice(&[b'\\', b'u', digit(12), digit(8), digit(4), digit(0)]);
}

/// The text with the quotes around it.
pub fn quoted(out: &mut Out, text: &[u8]) {
    out.byte(b'"');
    escaped(out, text);
    out.byte(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes() {
        let mut out = Out::default();
        quoted(&mut out, "a\"\\\u{8}\t\n\u{c}\r\u{1f}\u{0}\u{7f}é€😀".as_bytes());
        assert_eq!(
            std::str::from_utf8(out.written()),
            Ok("\"a\\\"\\\\\\b\\t\\n\\f\\r\\u001F\\u0000\u{7f}é€\\uD83D\\uDE00\"")
        );
    }
}
