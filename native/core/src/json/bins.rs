//! Bins: a column of texts or bytes that grows.

use super::literal::Literal;
use super::read_text::Room;
use super::rows::Rows;
use crate::column::{Bin, Column, Data, Scalar};
use crate::error::{Declined, Result};

/// Texts or bytes. As long as all are the same, only that one is kept. The offsets may end before the rows do: the others are null.
#[derive(Debug, Default)]
pub struct Bins {
    pub rows: Rows,
    offsets: Vec<u32>,
    bytes: Room,
    /// Whether all values so far are the same, and the one: its JSON with the quotes, None before the first and for one not worth it.
    same: bool,
    first: Option<Box<Literal>>,
    /// Rows that there will be at most.
    pub usual: usize,
}

/// Bytes of texts that room is made for at the most, before they are there.
const LARGEST_ROOM: usize = 1 << 20;

impl Bins {
    pub fn new() -> Bins {
        Bins { offsets: vec![0], same: true, ..Bins::default() }
    }

    /// Where the text at `at` ends if it is the same as all before it, which is then taken.
    #[inline(always)]
    pub fn again(&mut self, input: &[u8], at: usize) -> Option<usize> {
        if !self.same {
            return None;
        }
        let end = self.first.as_ref()?.end(input, at)?;
        self.rows.value();
        Some(end)
    }

    /// Takes the text `input[start..end]`, which has a quote at either side.
    #[inline(always)]
    pub fn push(&mut self, input: &[u8], start: usize, end: usize) -> Result<()> {
        if self.same {
            self.differ(input.get(start.wrapping_sub(1)..end + 1))?;
            if self.same {
                self.bytes.slice(input.get(start..end).unwrap_or(&[]));
                self.rows.value();
                return Ok(());
            }
        }
        self.bytes.part(input, start, end);
        self.end()
    }

    /// Takes a value that stands nowhere between quotes.
    pub fn scalar(&mut self, value: &[u8]) -> Result<()> {
        self.open()?.slice(value);
        self.end()
    }

    /// For a value written piece by piece: write into this, then call `end`.
    #[inline(always)]
    pub fn open(&mut self) -> Result<&mut Room> {
        if self.same {
            self.differ(None)?;
        }
        Ok(&mut self.bytes)
    }

    /// As `open`, for a column whose values are all appended.
    pub fn append(&mut self) -> Result<&mut Vec<u8>> {
        let room = self.open()?;
        room.bytes.truncate(room.used);
        Ok(&mut room.bytes)
    }

    /// Behind `append`.
    pub fn appended(&mut self) -> Result<()> {
        self.bytes.used = self.bytes.bytes.len();
        self.end()
    }

    #[inline(always)]
    pub fn end(&mut self) -> Result<()> {
        if self.offsets.len() != self.rows.count + 1 {
            self.catch_up();
        }
        self.offsets.push(u32::try_from(self.bytes.used).map_err(|_| Declined::TooLarge)?);
        self.rows.value();
        Ok(())
    }

    /// The rows that the offsets do not have yet, all null.
    #[cold]
    fn catch_up(&mut self) {
        let end = self.offsets.last().copied().unwrap_or(0);
        self.offsets.resize(self.rows.count + 1, end);
    }

    /// A value that is not the same as those before, or the first of all. `json`: with its quotes, if it has such.
    #[cold]
    fn differ(&mut self, json: Option<&[u8]>) -> Result<()> {
        let values = self.rows.values();
        if let (None, Some(json), 0) = (&self.first, json, values) {
            self.first = Some(Box::new(Literal::new(json.to_vec())));
            return Ok(());
        }
        self.same = false;
        let one = self.bytes.written().to_vec();
        u32::try_from(one.len().saturating_mul(values)).map_err(|_| Declined::TooLarge)?;
        self.bytes.used = 0;
        // As if the texts to come were as long as this one.
        let usual = json.map_or(0, <[u8]>::len);
        self.bytes.bytes.resize(self.usual.saturating_mul(usual).min(LARGEST_ROOM), 0);
        self.bytes.slice(&one.repeat(values));
        self.offsets.reserve(self.usual);
        let mut end = 0;
        for row in 0..self.rows.count {
            if self.rows.valid.as_ref().map_or(true, |valid| valid.get(row) == Some(&true)) {
                end += one.len() as u32;
            }
            self.offsets.push(end);
        }
        Ok(())
    }

    pub fn finish(mut self) -> Column {
        self.bytes.bytes.truncate(self.bytes.used);
        if !self.same || self.rows.count == 0 {
            self.catch_up();
            return self.rows.finish(Data::Bin(Bin { offsets: self.offsets, bytes: self.bytes.bytes }));
        }
        self.rows.finish(Data::Const(Scalar::Bin(self.bytes.bytes.into())))
    }
}
