//! Sinks: columns that grow by what is read, row by row. Nulls are taken in bulk: the fields of a struct that is null for many rows cost
//! nothing for each of them.

use std::sync::Arc;

use super::literal::Literal;
use super::read::Room;
use crate::column::{Bin, Column, Data, Scalar};
use crate::error::{Declined, Result};

/// Which rows have a value; nothing is kept until the first null. What is kept may end before the rows do: the others are null.
#[derive(Debug, Default)]
pub struct Rows {
    count: usize,
    valid: Option<Vec<bool>>,
}

impl Rows {
    #[inline(always)]
    fn value(&mut self) {
        if let Some(valid) = &mut self.valid {
            if valid.len() != self.count {
                valid.resize(self.count, false);
            }
            valid.push(true);
        }
        self.count += 1;
    }

    #[inline(always)]
    fn nulls(&mut self, count: usize) {
        if self.valid.is_none() {
            self.valid = Some(vec![true; self.count]);
        }
        self.count += count;
    }

    /// How many have a value.
    fn values(&self) -> usize {
        self.valid.as_ref().map_or(self.count, |valid| valid.iter().filter(|&&one| one).count())
    }

    fn finish(mut self, data: Data) -> Column {
        if self.count > 0 && self.values() == 0 {
            return Column::null(self.count);
        }
        if let Some(valid) = &mut self.valid {
            valid.resize(self.count, false);
        }
        Column { rows: self.count, data, valid: self.valid, unchanged: None }
    }
}

/// Numbers and truth values. The values may end before the rows do: the others are null.
#[derive(Debug, Default)]
pub struct Plain<T> {
    rows: Rows,
    values: Vec<T>,
}

impl<T: Copy + Default> Plain<T> {
    #[inline(always)]
    pub fn push(&mut self, value: T) {
        if self.values.len() != self.rows.count {
            self.values.resize(self.rows.count, T::default());
        }
        self.values.push(value);
        self.rows.value();
    }

    pub fn finish(mut self, data: impl FnOnce(Vec<T>) -> Data) -> Column {
        self.values.resize(self.rows.count, T::default());
        self.rows.finish(data(self.values))
    }
}

/// Texts or bytes. As long as all are the same, only that one is kept. The offsets may end before the rows do: the others are null.
#[derive(Debug, Default)]
pub struct Bins {
    rows: Rows,
    offsets: Vec<u32>,
    bytes: Room,
    /// Whether all values so far are the same, and the one: its JSON with the quotes, None before the first and for one not worth it.
    same: bool,
    first: Option<Box<Literal>>,
    /// Rows that there will be at most.
    usual: usize,
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

/// What a struct's rows are; its fields are sinks of their own, which get the nulls of many rows at once.
#[derive(Debug, Default)]
pub struct Groups {
    rows: Rows,
    /// The last rows, null, that the fields were not told of.
    owed: usize,
    /// Rows that the fields will have at most, as soon as they have one.
    room: usize,
}

impl Groups {
    #[inline(always)]
    pub fn push(&mut self, fields: &mut [Sink]) {
        if self.owed > 0 {
            self.settle(fields);
        }
        if self.room > 0 {
            self.open(fields);
        }
        self.rows.value();
    }

    #[cold]
    fn open(&mut self, fields: &mut [Sink]) {
        for field in fields {
            field.reserve(self.room);
        }
        self.room = 0;
    }

    fn settle(&mut self, fields: &mut [Sink]) {
        for field in fields {
            field.nulls(self.owed);
        }
        self.owed = 0;
    }
}

/// A column that grows.
#[derive(Debug)]
pub enum Sink {
    Bools(Plain<bool>),
    Ints(Plain<i64>),
    Floats(Plain<f64>),
    Bins(Bins),
    Struct(Groups, Vec<Sink>),
    List(Rows, Vec<u32>, Box<Sink>),
    Map(Rows, Vec<u32>, Box<Sink>, Box<Sink>),
}

impl Sink {
    pub fn list(items: Sink) -> Sink {
        Sink::List(Rows::default(), vec![0], Box::new(items))
    }

    pub fn map(items: Sink) -> Sink {
        Sink::Map(Rows::default(), vec![0], Box::new(Sink::Bins(Bins::new())), Box::new(items))
    }

    #[inline(always)]
    pub fn nulls(&mut self, count: usize) {
        match self {
            Sink::Bools(plain) => plain.rows.nulls(count),
            Sink::Ints(plain) => plain.rows.nulls(count),
            Sink::Floats(plain) => plain.rows.nulls(count),
            Sink::Bins(bins) => bins.rows.nulls(count),
            Sink::Struct(groups, _) => {
                groups.rows.nulls(count);
                groups.owed += count;
            }
            Sink::List(rows, offsets, _) | Sink::Map(rows, offsets, _, _) => {
                rows.nulls(count);
                let end = offsets.last().copied().unwrap_or(0);
                offsets.resize(rows.count + 1, end);
            }
        }
    }

    /// Room for that many rows: for a column of which it is known that it has values.
    pub fn reserve(&mut self, rows: usize) {
        match self {
            Sink::Bools(plain) => plain.values.reserve(rows),
            Sink::Ints(plain) => plain.values.reserve(rows),
            Sink::Floats(plain) => plain.values.reserve(rows),
            Sink::Struct(groups, _) => groups.room = rows,
            Sink::Bins(bins) => bins.usual = rows,
            Sink::List(..) | Sink::Map(..) => {}
        }
    }

    /// A value that was not read; Err for a kind it is none of.
    pub fn scalar(&mut self, value: &Scalar) -> Result<()> {
        match (self, value) {
            (Sink::Bools(plain), Scalar::Bool(value)) => plain.push(*value),
            (Sink::Ints(plain), Scalar::Int(value)) => plain.push(*value),
            (Sink::Floats(plain), Scalar::Float(value)) => plain.push(*value),
            (Sink::Bins(bins), Scalar::Bin(value)) => bins.scalar(value)?,
            _ => return Err(Declined::Value("a default of another kind")),
        }
        Ok(())
    }

    /// Values in a container so far.
    pub fn count(&self) -> usize {
        match self {
            Sink::Bools(plain) => plain.rows.count,
            Sink::Ints(plain) => plain.rows.count,
            Sink::Floats(plain) => plain.rows.count,
            Sink::Bins(bins) => bins.rows.count,
            Sink::Struct(groups, _) => groups.rows.count,
            Sink::List(rows, _, _) | Sink::Map(rows, _, _, _) => rows.count,
        }
    }

    pub fn finish(self) -> Column {
        match self {
            Sink::Bools(plain) => plain.finish(Data::Bool),
            Sink::Ints(plain) => plain.finish(Data::Int),
            Sink::Floats(plain) => plain.finish(Data::Float),
            Sink::Bins(bins) => bins.finish(),
            Sink::Struct(mut groups, mut fields) => {
                groups.settle(&mut fields);
                let children = fields.into_iter().map(|field| Arc::new(field.finish())).collect();
                groups.rows.finish(Data::Struct(children))
            }
            Sink::List(rows, offsets, items) => rows.finish(Data::List(offsets, Arc::new(items.finish()))),
            Sink::Map(rows, offsets, keys, items) => {
                rows.finish(Data::Map(offsets, Arc::new(keys.finish()), Arc::new(items.finish())))
            }
        }
    }
}

/// The row of a list or map ends where its elements end now.
pub fn end_of(rows: &mut Rows, offsets: &mut Vec<u32>, elements: usize) -> Result<()> {
    offsets.push(u32::try_from(elements).map_err(|_| Declined::TooLarge)?);
    rows.value();
    Ok(())
}
