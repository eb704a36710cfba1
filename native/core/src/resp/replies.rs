//! Scanner: finds the end of the answers to a pipeline without making anything of them.

use crate::error::{Declined, Result};

/// Takes what the server sends in pieces of any size. Whatever is not a plain success (an error, a null, another count in the last array)
/// is told by `Found`; the bytes are then looked at by who kept them.
#[derive(Debug)]
pub struct Scanner {
    /// Whole answers still expected, and elements of arrays that are open.
    left: u64,
    errors: bool,
    nulls: bool,
    /// Bytes of a bulk string, its end of line included, that are still to come.
    skip: u64,
    /// The beginning of a line that is not whole yet.
    line: Vec<u8>,
}

/// What there was among the answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    pub errors: bool,
    pub nulls: bool,
}

/// The longest line; Redis itself ends lines at 64 KiB.
const LONGEST_LINE: usize = 1 << 20;

impl Scanner {
    pub fn new(replies: u64) -> Scanner {
        Scanner { left: replies, errors: false, nulls: false, skip: 0, line: Vec::new() }
    }

    /// Takes the next bytes. What was found, as soon as all answers are there. Malformed: no protocol, or more than was asked for.
    pub fn feed(&mut self, mut bytes: &[u8]) -> Result<Option<Found>> {
        loop {
            if self.skip > 0 {
                let now = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len());
                bytes = bytes.get(now..).unwrap_or(&[]);
                self.skip -= now as u64;
            }
            if bytes.is_empty() {
                let whole = self.left == 0 && self.skip == 0 && self.line.is_empty();
                return Ok(whole.then_some(Found { errors: self.errors, nulls: self.nulls }));
            }
            if self.left == 0 {
                return Err(Declined::Malformed("more answers than commands"));
            }
            let Some(end) = memchr::memchr(b'\n', bytes) else {
                self.line.extend_from_slice(bytes);
                if self.line.len() > LONGEST_LINE {
                    return Err(Declined::Malformed("a line without end"));
                }
                bytes = &[];
                continue;
            };
            let (piece, rest) = bytes.split_at(end + 1);
            bytes = rest;
            if self.line.is_empty() {
                self.line_of(piece)?;
            } else {
                let mut line = std::mem::take(&mut self.line);
                line.extend_from_slice(piece);
                self.line_of(&line)?;
            }
        }
    }

    fn line_of(&mut self, line: &[u8]) -> Result<()> {
        const NO_PROTOCOL: Declined = Declined::Malformed("no answer of Redis");
        let (Some(&kind), Some(text)) = (line.first(), line.strip_suffix(b"\r\n")) else { return Err(NO_PROTOCOL) };
        let number = || -> Result<Option<u64>> {
            let digits = text.get(1..).and_then(|one| std::str::from_utf8(one).ok()).ok_or(NO_PROTOCOL)?;
            match digits {
                "-1" => Ok(None),
                _ => digits.parse::<u32>().map(|one| Some(u64::from(one))).map_err(|_| NO_PROTOCOL),
            }
        };
        self.left = self.left.checked_sub(1).ok_or(NO_PROTOCOL)?;
        match kind {
            b'+' | b':' => {}
            b'-' => self.errors = true,
            b'$' => match number()? {
                Some(size) => self.skip = size + 2,
                None => self.nulls = true,
            },
            b'*' => match number()? {
                Some(count) => self.left = self.left.checked_add(count).ok_or(NO_PROTOCOL)?,
                None => self.nulls = true,
            },
            _ => return Err(NO_PROTOCOL),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(text: &str, replies: u64, step: usize) -> Result<Option<Found>> {
        let mut scanner = Scanner::new(replies);
        let mut found = scanner.feed(b"")?;
        for piece in text.as_bytes().chunks(step) {
            found = scanner.feed(piece)?;
        }
        Ok(found)
    }

    #[test]
    fn answers_in_pieces_of_any_size() {
        let text = "+OK\r\n+QUEUED\r\n+QUEUED\r\n*3\r\n:1\r\n$4\r\na\r\nb\r\n*1\r\n+OK\r\n";
        for step in 1..=text.len() {
            let found = |errors, nulls| Ok(Some(Found { errors, nulls }));
            assert_eq!(scan(text, 4, step), found(false, false), "{step}");
            assert_eq!(scan("+OK\r\n-ERR no\r\n", 2, step), found(true, false));
            assert_eq!(scan("*1\r\n-WRONGTYPE\r\n", 1, step), found(true, false));
            assert_eq!(scan("*-1\r\n", 1, step), found(false, true));
            assert_eq!(scan("*0\r\n$0\r\n\r\n", 2, step), found(false, false));
            assert_eq!(scan(text, 5, step), Ok(None));
            assert!(scan(text, 3, step).is_err());
        }
    }

    #[test]
    fn no_protocol() {
        for text in ["x\r\n", "+OK\n", "$a\r\n", "*-2\r\n", "\r\n", "$99999999999\r\n", "*\r\n"] {
            assert!(scan(text, 9, 1).is_err(), "{text}");
        }
    }
}
