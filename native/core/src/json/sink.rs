//! Sinks: columns that grow by what is read, row by row. Nulls are taken in bulk: the fields of a struct that is null for many rows cost
//! nothing for each of them.

use std::sync::Arc;

use super::bins::Bins;
use super::rows::Rows;
use crate::column::{Column, Data, Scalar};
use crate::error::{Declined, Result};

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
