//! Lines of COPY's text format. Source: PostgreSQL manual, "COPY", File Formats.

use memchr::memchr;

use super::binary::{Cursor, Wire};
use crate::error::{Declined, Result};

/// One field of a line at a time: as it is written, and whether a tab follows.
pub fn split(rest: &[u8]) -> (&[u8], Option<&[u8]>) {
    match memchr(b'\t', rest) {
        Some(at) => (rest.get(..at).unwrap_or(rest), rest.get(at + 1..)),
        None => (rest, None),
    }
}

/// Append a field without its escapes. Declined for a backslash with nothing behind it.
pub fn unescape(field: &[u8], to: &mut Vec<u8>) -> Result<()> {
    let mut rest = field;
    while let Some(at) = memchr(b'\\', rest) {
        let (plain, tail) = rest.split_at(at);
        to.extend_from_slice(plain);
        let [_, escaped, behind @ ..] = tail else {
            return Err(Declined::Value("a backslash at the end of a field"));
        };
        to.push(match escaped {
            b'b' => 0x08,
            b'f' => 0x0C,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 0x0B,
            other => *other,
        });
        rest = behind;
    }
    to.extend_from_slice(rest);
    Ok(())
}

fn escape(field: &[u8], to: &mut Vec<u8>) {
    for byte in field {
        let letter = match byte {
            0x08 => b'b',
            0x0C => b'f',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x0B => b'v',
            b'\\' => b'\\',
            plain => {
                to.push(*plain);
                continue;
            }
        };
        to.extend_from_slice(&[b'\\', letter]);
    }
}

/// The line that the server would have written of a row of the binary format, without its newline.
pub fn line_of(wires: &[Wire], row: &[u8]) -> Result<Vec<u8>> {
    let mut cursor = Cursor::new(row);
    if usize::from(cursor.u16()?) != wires.len() {
        return Err(super::copy_rows::OTHER_WIDTH);
    }
    let (mut line, mut text) = (Vec::with_capacity(row.len() * 2), Vec::new());
    for (place, wire) in wires.iter().enumerate() {
        if place > 0 {
            line.push(b'\t');
        }
        match cursor.field()? {
            None => line.extend_from_slice(b"\\N"),
            Some(value) => {
                text.clear();
                wire.write_text(value, &mut text)?;
                escape(&text, &mut line);
            }
        }
    }
    cursor.end()?;
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_go_and_come() {
        let plain = b"a\tb\nc\\d\x08\x0b\x0c\re";
        let mut escaped = Vec::new();
        escape(plain, &mut escaped);
        assert_eq!(escaped, br"a\tb\nc\\d\b\v\f\re");
        let mut back = Vec::new();
        unescape(&escaped, &mut back).unwrap();
        assert_eq!(back, plain);
        assert!(unescape(b"a\\", &mut back).is_err());
    }

    #[test]
    fn lines_of_binary_rows() {
        let mut row = vec![0, 3, 0, 0, 0, 4, 0, 0, 0, 7, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 3];
        row.extend_from_slice(b"a\tb");
        let wires = [Wire::Int4, Wire::Text, Wire::Text];
        assert_eq!(line_of(&wires, &row).unwrap(), b"7\t\\N\ta\\tb");
        assert!(line_of(&wires[..2], &row).is_err());
        assert!(line_of(&wires, &row[..row.len() - 1]).is_err());
    }
}
