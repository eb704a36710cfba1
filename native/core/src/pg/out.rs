//! Out: the growing column of one field, of whatever kind its values are.

use std::sync::Arc;

use crate::builders::{Bins, Bools, Floats, Ints, Masks};
use crate::column::{Column, Data};
use crate::error::{Declined, Result};

/// A builder. Every method that adds a row adds exactly one, or on `Err` leaves something that `truncate` takes back.
#[derive(Debug)]
pub enum Out {
    Ints(Ints),
    Floats(Floats),
    Bools(Bools),
    Bins(Bins),
    Struct(Structs),
    List(Lists),
    Map(Maps),
}

/// A struct's fields, all of as many rows.
#[derive(Debug)]
pub struct Structs {
    pub fields: Vec<Out>,
    rows: usize,
    masks: Masks,
}

/// Elements of lists, one list behind the other.
#[derive(Debug)]
pub struct Lists {
    pub items: Box<Out>,
    offsets: Vec<u32>,
    masks: Masks,
}

/// Entries of maps, one map behind the other. The keys of one map must differ.
#[derive(Debug)]
pub struct Maps {
    pub keys: Box<Out>,
    pub values: Box<Out>,
    offsets: Vec<u32>,
    masks: Masks,
}

/// What an op's value cannot be put into: only a plan that was put together wrongly meets it.
pub const MISFIT: Declined = Declined::Value("a builder of another kind");

impl Out {
    pub fn ints() -> Self {
        Out::Ints(Ints::default())
    }

    pub fn floats() -> Self {
        Out::Floats(Floats::default())
    }

    pub fn bools() -> Self {
        Out::Bools(Bools::default())
    }

    pub fn bins() -> Self {
        Out::Bins(Bins::default())
    }

    pub fn structure(fields: Vec<Out>) -> Self {
        Out::Struct(Structs { fields, rows: 0, masks: Masks::default() })
    }

    pub fn list(items: Out) -> Self {
        Out::List(Lists { items: Box::new(items), offsets: vec![0], masks: Masks::default() })
    }

    pub fn map(keys: Out, values: Out) -> Self {
        Out::Map(Maps { keys: Box::new(keys), values: Box::new(values), offsets: vec![0], masks: Masks::default() })
    }

    pub fn rows(&self) -> usize {
        match self {
            Out::Ints(one) => one.rows(),
            Out::Floats(one) => one.rows(),
            Out::Bools(one) => one.rows(),
            Out::Bins(one) => one.rows(),
            Out::Struct(one) => one.rows,
            Out::List(one) => one.offsets.len() - 1,
            Out::Map(one) => one.offsets.len() - 1,
        }
    }

    #[inline]
    pub fn int(&mut self, value: i64) -> Result<()> {
        match self {
            Out::Ints(one) => {
                one.push(value);
                Ok(())
            }
            _ => Err(MISFIT),
        }
    }

    #[inline]
    pub fn float(&mut self, value: f64) -> Result<()> {
        match self {
            Out::Floats(one) => {
                one.push(value);
                Ok(())
            }
            _ => Err(MISFIT),
        }
    }

    #[inline]
    pub fn bool(&mut self, value: bool) -> Result<()> {
        match self {
            Out::Bools(one) => {
                one.push(value);
                Ok(())
            }
            _ => Err(MISFIT),
        }
    }

    #[inline]
    pub fn bin(&mut self, value: &[u8]) -> Result<()> {
        self.bins_mut()?.push(value)
    }

    /// For texts and bytes written piece by piece.
    #[inline]
    pub fn bins_mut(&mut self) -> Result<&mut Bins> {
        match self {
            Out::Bins(one) => Ok(one),
            _ => Err(MISFIT),
        }
    }

    pub fn structs_mut(&mut self) -> Result<&mut Structs> {
        match self {
            Out::Struct(one) => Ok(one),
            _ => Err(MISFIT),
        }
    }

    pub fn lists_mut(&mut self) -> Result<&mut Lists> {
        match self {
            Out::List(one) => Ok(one),
            _ => Err(MISFIT),
        }
    }

    pub fn maps_mut(&mut self) -> Result<&mut Maps> {
        match self {
            Out::Map(one) => Ok(one),
            _ => Err(MISFIT),
        }
    }

    #[inline]
    pub fn null(&mut self) -> Result<()> {
        match self {
            Out::Ints(one) => one.push_null(),
            Out::Floats(one) => one.push_null(),
            Out::Bools(one) => one.push_null(),
            Out::Bins(one) => one.push_null(),
            Out::Struct(one) => {
                for field in &mut one.fields {
                    field.null()?;
                }
                one.end();
                one.masks.null(one.rows);
            }
            Out::List(one) => {
                one.end()?;
                one.masks.null(one.offsets.len() - 1);
            }
            Out::Map(one) => {
                one.end()?;
                one.masks.null(one.offsets.len() - 1);
            }
        }
        Ok(())
    }

    /// The row added last stands for a value that was not sent.
    fn mark_unchanged(&mut self) {
        match self {
            Out::Ints(one) => one.mark_unchanged(),
            Out::Floats(one) => one.mark_unchanged(),
            Out::Bools(one) => one.mark_unchanged(),
            Out::Bins(one) => one.mark_unchanged(),
            Out::Struct(one) => one.masks.mark_unchanged(one.rows),
            Out::List(one) => one.masks.mark_unchanged(one.offsets.len() - 1),
            Out::Map(one) => one.masks.mark_unchanged(one.offsets.len() - 1),
        }
    }

    /// Add row `row` of a column of the same kind.
    pub fn copy(&mut self, from: &Column, row: usize) -> Result<()> {
        if !from.is_valid(row) {
            self.null()?;
        } else {
            match (&mut *self, &from.data) {
                (Out::Ints(one), _) => one.push(from.int(row)),
                (Out::Floats(one), _) => one.push(from.float(row)),
                (Out::Bools(one), _) => one.push(from.bool(row)),
                (Out::Bins(one), _) => one.push(from.bin(row))?,
                (Out::Struct(one), Data::Struct(children)) if children.len() == one.fields.len() => {
                    for (field, child) in one.fields.iter_mut().zip(children) {
                        field.copy(child, row)?;
                    }
                    one.end();
                }
                (Out::List(one), Data::List(offsets, items)) => {
                    for item in range(offsets, row)? {
                        one.items.copy(items, item)?;
                    }
                    one.end()?;
                }
                (Out::Map(one), Data::Map(offsets, keys, values)) => {
                    for item in range(offsets, row)? {
                        one.keys.copy(keys, item)?;
                        one.values.copy(values, item)?;
                    }
                    one.end()?;
                }
                _ => return Err(MISFIT),
            }
        }
        if from.is_unchanged(row) {
            self.mark_unchanged();
        }
        Ok(())
    }

    /// Room for as much as `other`, a builder of the same kind, holds; not for what is in containers.
    pub fn reserve_as(&mut self, other: &Out) {
        match (self, other) {
            (Out::Ints(one), Out::Ints(other)) => one.reserve(other.rows()),
            (Out::Floats(one), Out::Floats(other)) => one.reserve(other.rows()),
            (Out::Bools(one), Out::Bools(other)) => one.reserve(other.rows()),
            (Out::Bins(one), Out::Bins(other)) => one.reserve(other.rows(), other.bytes()),
            _ => (),
        }
    }

    /// Take rows back, so that `rows` are left, whatever state the last ones are in.
    pub fn truncate(&mut self, rows: usize) {
        match self {
            Out::Ints(one) => one.truncate(rows),
            Out::Floats(one) => one.truncate(rows),
            Out::Bools(one) => one.truncate(rows),
            Out::Bins(one) => one.truncate(rows),
            Out::Struct(one) => {
                one.fields.iter_mut().for_each(|field| field.truncate(rows));
                one.rows = one.rows.min(rows);
                one.masks.truncate(rows);
            }
            Out::List(one) => {
                let end = cut(&mut one.offsets, &mut one.masks, rows);
                one.items.truncate(end);
            }
            Out::Map(one) => {
                let end = cut(&mut one.offsets, &mut one.masks, rows);
                one.keys.truncate(end);
                one.values.truncate(end);
            }
        }
    }

    pub fn finish(self) -> Column {
        match self {
            Out::Ints(one) => one.finish(),
            Out::Floats(one) => one.finish(),
            Out::Bools(one) => one.finish(),
            Out::Bins(one) => one.finish(),
            Out::Struct(one) => {
                let fields = one.fields.into_iter().map(|field| Arc::new(field.finish())).collect();
                one.masks.finish(one.rows, Data::Struct(fields))
            }
            Out::List(one) => {
                let rows = one.offsets.len() - 1;
                one.masks.finish(rows, Data::List(one.offsets, Arc::new(one.items.finish())))
            }
            Out::Map(one) => {
                let rows = one.offsets.len() - 1;
                let data = Data::Map(one.offsets, Arc::new(one.keys.finish()), Arc::new(one.values.finish()));
                one.masks.finish(rows, data)
            }
        }
    }
}

impl Structs {
    /// The row whose fields were added is complete.
    pub fn end(&mut self) {
        self.rows += 1;
        self.masks.push();
    }
}

impl Lists {
    /// The elements added since the row before are the next row.
    pub fn end(&mut self) -> Result<()> {
        close(&mut self.offsets, &mut self.masks, self.items.rows())
    }
}

impl Maps {
    /// The entries added since the row before are the next row.
    pub fn end(&mut self) -> Result<()> {
        close(&mut self.offsets, &mut self.masks, self.keys.rows())
    }
}

fn close(offsets: &mut Vec<u32>, masks: &mut Masks, end: usize) -> Result<()> {
    offsets.push(u32::try_from(end).map_err(|_| Declined::TooLarge)?);
    masks.push();
    Ok(())
}

fn cut(offsets: &mut Vec<u32>, masks: &mut Masks, rows: usize) -> usize {
    offsets.truncate(rows + 1);
    masks.truncate(rows);
    offsets.last().map_or(0, |&end| end as usize)
}

fn range(offsets: &[u32], row: usize) -> Result<std::ops::Range<usize>> {
    match (offsets.get(row), offsets.get(row + 1)) {
        (Some(&start), Some(&end)) => Ok(start as usize..end as usize),
        _ => Err(MISFIT),
    }
}
