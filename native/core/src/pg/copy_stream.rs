//! The bytes a server sends during a COPY TO STDOUT: messages, and in the CopyData among them the rows.
//!
//! Source: PostgreSQL manual, "Message Formats"; "COPY", File Formats. The server sends each row as one CopyData of its own.

use super::binary::{malformed, Cursor};
use crate::error::{Declined, Result};

const COPY_DATA: u8 = b'd';
/// As the Python framer has it.
const MOST_BYTES: u32 = 1 << 30;
const SIGNATURE: &[u8; 11] = b"PGCOPY\n\xff\r\n\0";
/// An allocation that a long row made is given back when it is this much.
const KEPT_BYTES: usize = 8 << 20;

/// How the rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Text,
    Binary,
}

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub enum Next<'a> {
    /// A row: a line without its newline, or in binary format the number of fields and the fields.
    Row(&'a [u8]),
    /// Another message: its type and body.
    Message(u8, &'a [u8]),
    /// The bytes end here, perhaps in the midst of a message.
    Nothing,
}

/// Collects what is received and gives it out in order.
#[derive(Debug)]
pub struct CopyStream {
    bytes: Vec<u8>,
    at: usize,
    format: Format,
    begun: bool,
}

impl CopyStream {
    pub fn new(format: Format) -> Self {
        CopyStream { bytes: Vec::new(), at: 0, format, begun: false }
    }

    pub fn format(&self) -> Format {
        self.format
    }

    /// Bytes kept that were not given out yet.
    pub fn pending(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// Add what was received.
    pub fn feed(&mut self, received: &[u8]) {
        if self.at > 0 {
            self.bytes.drain(..self.at);
            self.at = 0;
            if self.bytes.capacity() > KEPT_BYTES && self.bytes.len() + received.len() < KEPT_BYTES / 2 {
                self.bytes.shrink_to(KEPT_BYTES / 2);
            }
        }
        self.bytes.extend_from_slice(received);
    }

    /// What comes next, and the position behind it, to be told to `advance`. Marks around the rows of the binary format are passed over.
    /// Malformed for an impossible length, or bytes that are no COPY data.
    pub fn peek(&mut self) -> Result<(Next<'_>, usize)> {
        // Positions, not slices, until it is known what to answer: the borrow checker's price for a loop.
        let (row, behind) = loop {
            let Some((kind, start, end)) = message(&self.bytes, self.at)? else {
                return Ok((Next::Nothing, self.at));
            };
            let body = self.bytes.get(start..end).unwrap_or(&[]);
            if kind != COPY_DATA {
                return Ok((Next::Message(kind, body), end));
            }
            if self.format == Format::Text {
                break (start..end - usize::from(body.ends_with(b"\n")), end);
            }
            let skipped = if self.begun { 0 } else { header(body)? };
            let row = body.get(skipped..).unwrap_or(&[]);
            // The header may come alone; the trailer does.
            if row.is_empty() || row == [0xFF, 0xFF] {
                self.begun = true;
                self.at = end;
                continue;
            }
            break (start + skipped..end, end);
        };
        Ok((Next::Row(self.bytes.get(row).unwrap_or(&[])), behind))
    }

    /// Go on behind what `peek` gave.
    pub fn advance(&mut self, to: usize) {
        let to = to.clamp(self.at, self.bytes.len());
        self.begun |= to > self.at && self.bytes.get(self.at) == Some(&COPY_DATA);
        self.at = to;
    }
}

/// (type, start of the body, end) of the message at a position; None when it is not all there.
#[inline]
fn message(bytes: &[u8], at: usize) -> Result<Option<(u8, usize, usize)>> {
    let Some([kind, a, b, c, d]) = bytes.get(at..).and_then(|rest| rest.first_chunk::<5>()).copied() else {
        return Ok(None);
    };
    let length = u32::from_be_bytes([a, b, c, d]);
    if !(4..MOST_BYTES).contains(&length) {
        return Err(malformed("an impossible message length"));
    }
    let end = at.checked_add(1 + length as usize).ok_or(Declined::TooLarge)?;
    Ok((end <= bytes.len()).then_some((kind, at + 5, end)))
}

/// The length of the header at the head of the first CopyData.
fn header(body: &[u8]) -> Result<usize> {
    let mut cursor = Cursor::new(body);
    if cursor.array::<11>()? != *SIGNATURE {
        return Err(malformed("no signature of COPY"));
    }
    // The upper half of the flags names what a reader must know; nothing of it is in use.
    if cursor.i32()? as u32 >> 16 != 0 {
        return Err(malformed("unknown flags of COPY"));
    }
    let extension = usize::try_from(cursor.i32()?).map_err(|_| malformed("a header of COPY"))?;
    cursor.take(extension)?;
    Ok(body.len() - cursor.rest().len())
}

#[cfg(test)]
mod tests {
    use super::*;

    pub fn data(body: &[u8]) -> Vec<u8> {
        let mut made = vec![b'd'];
        made.extend_from_slice(&(body.len() as u32 + 4).to_be_bytes());
        made.extend_from_slice(body);
        made
    }

    fn all(stream: &mut CopyStream) -> Vec<(u8, Vec<u8>)> {
        let mut found = Vec::new();
        loop {
            let (what, to) = match stream.peek().unwrap() {
                (Next::Nothing, _) => return found,
                (Next::Row(row), to) => ((b'd', row.to_vec()), to),
                (Next::Message(kind, body), to) => ((kind, body.to_vec()), to),
            };
            found.push(what);
            stream.advance(to);
        }
    }

    fn head() -> Vec<u8> {
        let mut made = SIGNATURE.to_vec();
        made.extend_from_slice(&[0; 8]);
        made
    }

    #[test]
    fn any_cut_gives_the_same() {
        let mut first = head();
        first.extend_from_slice(&[0, 1, 0, 0, 0, 1, b'x']);
        for (format, rows) in [
            (Format::Text, vec![data(b"1\ta\n"), data(b"2\tb\n"), data(b"\n")]),
            (Format::Binary, vec![data(&first), data(&[0, 0]), data(&[0xFF, 0xFF])]),
            (Format::Binary, vec![data(&head()), data(&[0, 0]), data(&[0xFF, 0xFF])]),
        ] {
            let mut bytes = b"H\0\0\0\x07\0\0\0".to_vec();
            bytes.extend(rows.concat());
            bytes.extend_from_slice(b"c\0\0\0\x04Z\0\0\0\x05I");
            let mut whole = CopyStream::new(format);
            whole.feed(&bytes);
            let expected = all(&mut whole);
            assert_eq!(expected.first().unwrap().0, b'H');
            assert_eq!(expected.last().unwrap(), &(b'Z', b"I".to_vec()));
            assert_eq!(whole.pending(), 0);
            for cut in 0..bytes.len() {
                let mut stream = CopyStream::new(format);
                stream.feed(&bytes[..cut]);
                let mut found = all(&mut stream);
                stream.feed(&bytes[cut..]);
                found.extend(all(&mut stream));
                assert_eq!(found, expected);
            }
        }
    }

    #[test]
    fn what_is_no_copy() {
        for bytes in [data(b"PGCOPY\n\xff\r\n\x01\0\0\0\0\0\0\0\0"), b"d\0\0\0\x03".to_vec(), b"d\xff\0\0\0".to_vec()] {
            let mut stream = CopyStream::new(Format::Binary);
            stream.feed(&bytes);
            assert!(stream.peek().is_err());
        }
    }
}
