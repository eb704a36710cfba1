//! Rows: which values of a table's rows become which columns, and the columns they grow into.

use std::sync::Arc;

use super::binary::Wire;
use super::out::Out;
use super::plan::Op;
use crate::column::Column;
use crate::error::{Declined, Result};

/// What NULL becomes.
#[derive(Debug, Clone)]
pub enum Null {
    Null,
    /// The one row of this column.
    Value(Arc<Column>),
    /// The catalog calls the column NOT NULL: the twin finds out more.
    Refused,
}

/// One column that is made. `unchanged`, `zero`: columns of one row, what stands for a value that was not sent, and for NULL in an old
/// row of the identity's columns only; None where that has no native form.
#[derive(Debug, Clone)]
pub struct Output {
    /// Place of the value in the server's row.
    pub source: usize,
    pub op: Op,
    pub null: Null,
    pub unchanged: Option<Arc<Column>>,
    pub zero: Option<Arc<Column>>,
    /// A value that was not sent is taken from a complete old row.
    pub fills: bool,
    /// How binary values come; None where there are none.
    pub wire: Option<Wire>,
}

impl Output {
    /// Add a value to the column. `partial`: of an old row of the identity's columns only.
    #[inline]
    pub fn add(&self, cell: Cell<'_>, partial: bool, out: &mut Out) -> Result<()> {
        match cell {
            Cell::Text(bytes) => self.op.decode_text(bytes, out),
            Cell::Binary(bytes) => {
                let wire = self.wire.as_ref().ok_or(UNREAD)?;
                self.op.decode_binary(wire, bytes, out, &mut Vec::new())
            }
            Cell::Unsent => stand_in(&self.unchanged, out),
            Cell::Null if partial => stand_in(&self.zero, out),
            Cell::Null => match &self.null {
                Null::Null => out.null(),
                Null::Value(value) => out.copy(value, 0),
                Null::Refused => Err(Declined::Value("NULL in a required column")),
            },
        }
    }
}

/// A binary value of a type whose form is not known.
pub const UNREAD: Declined = Declined::Value("a binary value");

/// The key of a table's records: these outputs, then `added`, a constant text.
#[derive(Debug, Clone)]
pub struct KeyPlan {
    pub slots: Vec<usize>,
    pub added: Option<Arc<[u8]>>,
    /// Old rows surely have it.
    pub in_identity: bool,
}

/// How the rows of one shape of one table are made. The outputs are the record's fields, then what only the key needs.
#[derive(Debug, Clone)]
pub struct RowPlan {
    pub width: usize,
    pub outputs: Vec<Output>,
    pub value_count: usize,
    pub key: Option<KeyPlan>,
    /// Output number i is made of the server's value number i, and no other.
    pub straight: bool,
    slots: Vec<usize>,
    starts: Vec<usize>,
}

impl RowPlan {
    /// `width`: how many values the server's rows have. Declined for places that are not there.
    pub fn new(width: usize, outputs: Vec<Output>, value_count: usize, key: Option<KeyPlan>) -> Result<Self> {
        let misplaced = outputs.iter().any(|one| one.source >= width);
        let no_key = key.iter().flat_map(|key| &key.slots).any(|&slot| slot >= outputs.len());
        if misplaced || no_key || value_count > outputs.len() {
            return Err(Declined::Value("a plan that does not fit together"));
        }
        let mut slots: Vec<usize> = (0..outputs.len()).collect();
        slots.sort_by_key(|&slot| outputs.get(slot).map_or(0, |one| one.source));
        let starts = (0..=width)
            .map(|source| slots.partition_point(|&slot| outputs.get(slot).is_some_and(|one| one.source < source)))
            .collect();
        let straight = outputs.len() == width && outputs.iter().enumerate().all(|(slot, one)| one.source == slot);
        Ok(RowPlan { width, outputs, value_count, key, straight, slots, starts })
    }

    /// The same rows where values may come in these binary forms, one for each of the server's values.
    pub fn with_wires(&self, wires: &[Wire]) -> Result<Self> {
        let mut outputs = self.outputs.clone();
        for output in &mut outputs {
            output.wire = Some(wires.get(output.source).ok_or(UNREAD)?.clone());
        }
        RowPlan::new(self.width, outputs, self.value_count, self.key.clone())
    }

    /// The outputs made of the server's value number `source`.
    #[inline]
    pub fn slots_of(&self, source: usize) -> &[usize] {
        match (self.starts.get(source), self.starts.get(source + 1)) {
            (Some(&start), Some(&end)) => self.slots.get(start..end).unwrap_or(&[]),
            _ => &[],
        }
    }
}

/// One value of the server's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell<'a> {
    Null,
    /// Long, and as it was before.
    Unsent,
    Text(&'a [u8]),
    Binary(&'a [u8]),
}

/// Columns of rows so far, one builder for each output of a plan.
#[derive(Debug)]
pub struct Rows {
    pub outs: Vec<Out>,
    rows: usize,
}

impl Rows {
    pub fn of(plan: &RowPlan) -> Self {
        Rows { outs: plan.outputs.iter().map(|one| one.op.out()).collect(), rows: 0 }
    }

    pub fn len(&self) -> usize {
        self.rows
    }

    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Add the value number `source` to all columns made of it. `partial`: an old row of the identity's columns only.
    #[inline]
    pub fn cell(&mut self, plan: &RowPlan, source: usize, cell: Cell<'_>, partial: bool) -> Result<()> {
        for &slot in plan.slots_of(source) {
            if let (Some(output), Some(out)) = (plan.outputs.get(slot), self.outs.get_mut(slot)) {
                output.add(cell, partial, out)?;
            }
        }
        Ok(())
    }

    /// Drop all, and make room for so many rows as there were.
    fn renew(&mut self, plan: &RowPlan) -> Vec<Out> {
        let mut fresh = Rows::of(plan);
        for (out, full) in fresh.outs.iter_mut().zip(&self.outs) {
            out.reserve_as(full);
        }
        std::mem::replace(self, fresh).outs
    }

    /// All values of a row were added.
    #[inline]
    pub fn end(&mut self) {
        self.rows += 1;
    }

    /// Drop what was added of a row that was not ended, or rows, so that `rows` are left.
    pub fn truncate(&mut self, rows: usize) {
        self.rows = self.rows.min(rows);
        let rows = self.rows;
        self.outs.iter_mut().for_each(|out| out.truncate(rows));
    }

    /// The columns, and empty ones to go on with.
    pub fn take(&mut self, plan: &RowPlan) -> Vec<Arc<Column>> {
        self.renew(plan).into_iter().map(|out| Arc::new(out.finish())).collect()
    }
}

fn stand_in(value: &Option<Arc<Column>>, out: &mut Out) -> Result<()> {
    match value {
        Some(value) => out.copy(value, 0),
        None => Err(Declined::Value("a value that was not sent, of a type that has nothing to stand for it")),
    }
}
