//! Columns put into place: rows among nulls, rows of two columns in one order.

use std::sync::Arc;

use crate::column::{Bin, Column, Data, Offsets};
use crate::error::{Declined, Result};

const MISPLACED: Declined = Declined::Malformed("rows that have no place");

/// Where the rows of some columns stand among more rows; all others are null.
#[derive(Debug)]
pub struct Spread {
    /// Rows there are in the end, and of the columns.
    rows: usize,
    count: usize,
    runs: Vec<Run>,
    mask: Vec<bool>,
}

/// Rows `from..from + len` stand at `to..to + len`.
#[derive(Debug, Clone, Copy)]
struct Run {
    from: usize,
    to: usize,
    len: usize,
}

impl Spread {
    /// Row `i` of a column stands at `places[i]`, which rise, of `rows`.
    pub fn new(places: &[u32], rows: usize) -> Result<Self> {
        let mut runs: Vec<Run> = Vec::new();
        let mut mask = vec![false; rows];
        let mut next = 0;
        for (from, &place) in places.iter().enumerate() {
            let to = place as usize;
            let slot = mask.get_mut(to).ok_or(MISPLACED)?;
            if to < next {
                return Err(MISPLACED);
            }
            *slot = true;
            match runs.last_mut() {
                Some(run) if to == next => run.len += 1,
                _ => runs.push(Run { from, to, len: 1 }),
            }
            next = to + 1;
        }
        Ok(Spread { rows, count: places.len(), runs, mask })
    }

    /// The rows that are not null.
    pub fn mask(&self) -> &[bool] {
        &self.mask
    }

    /// A column put into place.
    pub fn column(&self, column: Column) -> Result<Column> {
        if column.rows != self.count {
            return Err(MISPLACED);
        }
        if self.count == self.rows {
            return Ok(column);
        }
        if self.count == 0 {
            return Ok(Column::null(self.rows));
        }
        let data = match column.data {
            Data::Null => return Ok(Column::null(self.rows)),
            Data::Const(value) => Data::Const(value),
            Data::Bool(values) => Data::Bool(self.scatter(&values)?),
            Data::Int(values) => Data::Int(self.scatter(&values)?),
            Data::Float(values) => Data::Float(self.scatter(&values)?),
            Data::Bin(bin) => Data::Bin(Bin { offsets: self.stretch(&bin.offsets)?, bytes: bin.bytes }),
            Data::Struct(children) => Data::Struct(
                children.into_iter().map(|child| Ok(Arc::new(self.column(owned(child))?))).collect::<Result<_>>()?,
            ),
            Data::List(offsets, items) => Data::List(self.stretch(&offsets)?, items),
            Data::Map(offsets, keys, values) => Data::Map(self.stretch(&offsets)?, keys, values),
        };
        let valid = match column.valid {
            Some(valid) => self.scatter(&valid)?,
            None => self.mask.clone(),
        };
        let unchanged = column.unchanged.map(|unchanged| self.scatter(&unchanged)).transpose()?;
        Ok(Column { rows: self.rows, data, valid: Some(valid), unchanged })
    }

    fn scatter<T: Copy + Default>(&self, values: &[T]) -> Result<Vec<T>> {
        let mut made = vec![T::default(); self.rows];
        for run in &self.runs {
            let from = values.get(run.from..run.from + run.len).ok_or(MISPLACED)?;
            made.get_mut(run.to..run.to + run.len).ok_or(MISPLACED)?.copy_from_slice(from);
        }
        Ok(made)
    }

    /// Offsets in which the rows without a place are empty.
    fn stretch(&self, offsets: &[u32]) -> Result<Offsets> {
        let mut made: Offsets = Vec::with_capacity(self.rows + 1);
        let mut end = offsets.first().copied().unwrap_or(0);
        for run in &self.runs {
            made.resize(run.to + 1, end);
            made.extend_from_slice(offsets.get(run.from + 1..=run.from + run.len).ok_or(MISPLACED)?);
            end = made.last().copied().unwrap_or(end);
        }
        made.resize(self.rows + 1, end);
        Ok(made)
    }
}

/// The column itself where nobody else has it.
fn owned(column: Arc<Column>) -> Column {
    Arc::try_unwrap(column).unwrap_or_else(|shared| Column::clone(&shared))
}

/// Rows of two columns of one kind in one order: whether it is the second one's, and which. None for kinds that are seldom put together.
pub fn interleave(first: &Column, second: &Column, rows: &[(bool, u32)]) -> Option<Column> {
    if first.valid.is_some() || second.valid.is_some() || first.unchanged.is_some() || second.unchanged.is_some() {
        return None;
    }
    let data = match (&first.data, &second.data) {
        (Data::Int(first), Data::Int(second)) => {
            let pick = |&(other, row): &(bool, u32)| (if other { second } else { first }).get(row as usize).copied();
            Data::Int(rows.iter().map(pick).collect::<Option<_>>()?)
        }
        (Data::Bin(first), Data::Bin(second)) => {
            let mut made = Bin { offsets: Vec::with_capacity(rows.len() + 1), bytes: Vec::new() };
            made.offsets.push(0);
            for &(other, row) in rows {
                made.bytes.extend_from_slice((if other { second } else { first }).get(row as usize));
                made.offsets.push(u32::try_from(made.bytes.len()).ok()?);
            }
            Data::Bin(made)
        }
        _ => return None,
    };
    Some(Column::new(rows.len(), data))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builders::{Bins, Ints};
    use crate::ops;

    #[test]
    fn rows_stand_at_their_places() {
        let mut ints = Ints::default();
        let mut bins = Bins::default();
        for value in [5i64, 6, 7] {
            ints.push(value);
            bins.push(&vec![b'x'; value as usize]).unwrap();
        }
        ints.push_null();
        bins.push_null();
        let places = [1, 2, 5, 6];
        let spread = Spread::new(&places, 8).unwrap();
        for column in [ints.finish(), bins.finish()] {
            let made = spread.column(column.clone()).unwrap();
            assert_eq!(made.rows, 8);
            assert_eq!(ops::take(&made, &places).unwrap().rows, 4);
            for row in 0..8usize {
                match places.iter().position(|&place| place as usize == row) {
                    Some(at) => {
                        assert_eq!(made.is_valid(row), column.is_valid(at));
                        assert_eq!((made.int(row), made.bin(row)), (column.int(at), column.bin(at)));
                    }
                    None => assert!(!made.is_valid(row)),
                }
            }
        }
    }

    #[test]
    fn places_that_do_not_fit_are_refused() {
        for places in [&[1u32, 0][..], &[0, 9], &[0, 0]] {
            assert!(Spread::new(places, 4).is_err());
        }
        let spread = Spread::new(&[0], 4).unwrap();
        assert!(spread.column(Column::new(2, Data::Int(vec![1, 2]))).is_err());
    }

    #[test]
    fn rows_of_two_columns_are_put_together() {
        let rows = [(false, 1), (true, 0), (false, 0)];
        let made = |first: &[i64], second: &[i64]| {
            interleave(
                &Column::new(first.len(), Data::Int(first.to_vec())),
                &Column::new(second.len(), Data::Int(second.to_vec())),
                &rows,
            )
        };
        assert_eq!(made(&[1, 2], &[9]).map(|column| column.data), Some(Data::Int(vec![2, 9, 1])));
        assert_eq!(made(&[1], &[9]), None);
    }
}
