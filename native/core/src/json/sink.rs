//! Sinks: columns that grow by what is read, row by row. Nulls are taken in bulk: the fields of a struct that is null for many rows cost
//! nothing for each of them.

use std::sync::Arc;

use super::literal::Literal;
use crate::column::{Bin, Column, Data, Scalar};
use crate::error::{Declined, Result};

/// Which rows have a value; nothing is kept until the first null.
#[derive(Debug, Default)]
pub struct Rows {
    count: usize,
    valid: Option<Vec<bool>>,
}

impl Rows {
    #[inline(always)]
    fn value(&mut self) {
        if let Some(valid) = &mut self.valid {
            valid.push(true);
        }
        self.count += 1;
    }

    fn nulls(&mut self, count: usize) {
        let before = self.count;
        self.count += count;
        self.valid.get_or_insert_with(|| vec![true; before]).resize(self.count, false);
    }

    fn finish(self, data: Data) -> Column {
        if self.count > 0 && self.valid.as_ref().is_some_and(|valid| !valid.contains(&true)) {
            return Column::null(self.count);
        }
        Column { rows: self.count, data, valid: self.valid, unchanged: None }
    }
}

/// Numbers and truth values.
#[derive(Debug, Default)]
pub struct Plain<T> {
    rows: Rows,
    values: Vec<T>,
}

impl<T: Copy + Default> Plain<T> {
    #[inline(always)]
    pub fn push(&mut self, value: T) {
        self.values.push(value);
        self.rows.value();
    }

    pub fn nulls(&mut self, count: usize) {
        self.rows.nulls(count);
        self.values.resize(self.rows.count, T::default());
    }

    pub fn finish(self, data: impl FnOnce(Vec<T>) -> Data) -> Column {
        let values = self.values;
        self.rows.finish(data(values))
    }
}

/// Texts or bytes. As long as all are the same, only that one is kept.
#[derive(Debug, Default)]
pub struct Bins {
    rows: Rows,
    bin: Bin,
    /// Whether all values so far are the same, and the one: its JSON with the quotes, None before the first and for one not worth it.
    same: bool,
    first: Option<Literal>,
}

impl Bins {
    pub fn new() -> Bins {
        Bins { rows: Rows::default(), bin: Bin { offsets: vec![0], bytes: Vec::new() }, same: true, first: None }
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

    /// Takes a value. `json`: its JSON, where that is the value between quotes.
    #[inline(always)]
    pub fn push(&mut self, value: &[u8], json: Option<&[u8]>) -> Result<()> {
        if self.same {
            self.differ(json)?;
            if self.same {
                self.bin.bytes.extend_from_slice(value);
                self.rows.value();
                return Ok(());
            }
        }
        self.bin.bytes.extend_from_slice(value);
        self.end()
    }

    /// For a value written piece by piece: append to this, then call `end`.
    pub fn open(&mut self) -> Result<&mut Vec<u8>> {
        if self.same {
            self.differ(None)?;
        }
        Ok(&mut self.bin.bytes)
    }

    #[inline(always)]
    pub fn end(&mut self) -> Result<()> {
        self.bin.offsets.push(u32::try_from(self.bin.bytes.len()).map_err(|_| Declined::TooLarge)?);
        self.rows.value();
        Ok(())
    }

    /// A value that is not the same as those before, or the first of all.
    #[cold]
    fn differ(&mut self, json: Option<&[u8]>) -> Result<()> {
        if let (None, Some(json)) = (&self.first, json) {
            if self.rows.valid.as_ref().map_or(self.rows.count == 0, |valid| !valid.contains(&true)) {
                self.first = Some(Literal::new(json.to_vec()));
                return Ok(());
            }
        }
        self.same = false;
        let one = std::mem::take(&mut self.bin.bytes);
        let values = self.rows.valid.as_ref().map_or(self.rows.count, |valid| valid.iter().filter(|&&one| one).count());
        u32::try_from(one.len().saturating_mul(values)).map_err(|_| Declined::TooLarge)?;
        let mut end = 0;
        for row in 0..self.rows.count {
            if self.rows.valid.as_ref().map_or(true, |valid| valid.get(row) == Some(&true)) {
                end += one.len() as u32;
            }
            self.bin.offsets.push(end);
        }
        self.bin.bytes = one.repeat(values);
        Ok(())
    }

    pub fn nulls(&mut self, count: usize) {
        self.rows.nulls(count);
        if !self.same {
            let end = self.bin.offsets.last().copied().unwrap_or(0);
            self.bin.offsets.resize(self.rows.count + 1, end);
        }
    }

    pub fn finish(self) -> Column {
        if !self.same || self.rows.count == 0 {
            return self.rows.finish(Data::Bin(self.bin));
        }
        self.rows.finish(Data::Const(Scalar::Bin(self.bin.bytes.into())))
    }
}

/// What a struct's rows are; its fields are sinks of their own, which get the nulls of many rows at once.
#[derive(Debug, Default)]
pub struct Groups {
    rows: Rows,
    /// The last rows, null, that the fields were not told of.
    owed: usize,
}

impl Groups {
    #[inline(always)]
    pub fn push(&mut self, fields: &mut [Sink]) {
        if self.owed > 0 {
            self.settle(fields);
        }
        self.rows.value();
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

    pub fn nulls(&mut self, count: usize) {
        match self {
            Sink::Bools(plain) => plain.nulls(count),
            Sink::Ints(plain) => plain.nulls(count),
            Sink::Floats(plain) => plain.nulls(count),
            Sink::Bins(bins) => bins.nulls(count),
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

    /// A value that was not read; Err for a kind it is none of.
    pub fn scalar(&mut self, value: &Scalar) -> Result<()> {
        match (self, value) {
            (Sink::Bools(plain), Scalar::Bool(value)) => plain.push(*value),
            (Sink::Ints(plain), Scalar::Int(value)) => plain.push(*value),
            (Sink::Floats(plain), Scalar::Float(value)) => plain.push(*value),
            (Sink::Bins(bins), Scalar::Bin(value)) => bins.push(value, None)?,
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
