//! Operations over whole columns that keep values as they are: choose rows, put columns together.

use std::sync::Arc;

use crate::column::{Bin, Column, Data, Offsets, Scalar};
use crate::error::{Declined, Result};

/// The rows at these positions, in their order; positions beyond the end are an error.
pub fn take(column: &Column, rows: &[u32]) -> Result<Column> {
    if rows.iter().any(|&row| row as usize >= column.rows) {
        return Err(Declined::Malformed("a row that is not there"));
    }
    take_checked(column, rows)
}

/// The rows for which the mask is true.
pub fn filter(column: &Column, mask: &[bool]) -> Result<Column> {
    if mask.len() != column.rows {
        return Err(Declined::Malformed("a mask of another length"));
    }
    take_checked(column, &positions(mask)?)
}

/// The rows from `start` up to `stop`.
pub fn slice(column: &Column, start: usize, stop: usize) -> Result<Column> {
    if start > stop || stop > column.rows {
        return Err(Declined::Malformed("a row that is not there"));
    }
    let rows =
        u32::try_from(start).and_then(|first| Ok(first..u32::try_from(stop)?)).map_err(|_| Declined::TooLarge)?;
    take_checked(column, &rows.collect::<Vec<u32>>())
}

/// The positions that are true.
pub fn positions(mask: &[bool]) -> Result<Vec<u32>> {
    if u32::try_from(mask.len()).is_err() {
        return Err(Declined::TooLarge);
    }
    Ok(mask.iter().enumerate().filter(|(_, &one)| one).map(|(row, _)| row as u32).collect())
}

fn take_checked(column: &Column, rows: &[u32]) -> Result<Column> {
    let data = match &column.data {
        Data::Null => Data::Null,
        Data::Const(value) => Data::Const(value.clone()),
        Data::Bool(values) => Data::Bool(gather(values, rows)),
        Data::Int(values) => Data::Int(gather(values, rows)),
        Data::Float(values) => Data::Float(gather(values, rows)),
        Data::Bin(bin) => Data::Bin(gather_bin(bin, rows)?),
        Data::Struct(children) => {
            Data::Struct(children.iter().map(|child| Ok(Arc::new(take(child, rows)?))).collect::<Result<Vec<_>>>()?)
        }
        Data::List(offsets, items) => {
            let (taken, inner) = gather_ranges(offsets, rows)?;
            Data::List(taken, Arc::new(take(items, &inner)?))
        }
        Data::Map(offsets, keys, values) => {
            let (taken, inner) = gather_ranges(offsets, rows)?;
            Data::Map(taken, Arc::new(take(keys, &inner)?), Arc::new(take(values, &inner)?))
        }
    };
    let mask = |mask: &Option<Vec<bool>>| mask.as_ref().map(|one| gather(one, rows));
    Ok(Column { rows: rows.len(), data, valid: mask(&column.valid), unchanged: mask(&column.unchanged) })
}

fn gather<T: Copy + Default>(values: &[T], rows: &[u32]) -> Vec<T> {
    rows.iter().map(|&row| values.get(row as usize).copied().unwrap_or_default()).collect()
}

fn gather_bin(bin: &Bin, rows: &[u32]) -> Result<Bin> {
    let mut taken = Bin { offsets: Vec::with_capacity(rows.len() + 1), bytes: Vec::new() };
    taken.offsets.push(0);
    for &row in rows {
        taken.bytes.extend_from_slice(bin.get(row as usize));
        taken.offsets.push(u32::try_from(taken.bytes.len()).map_err(|_| Declined::TooLarge)?);
    }
    Ok(taken)
}

fn gather_ranges(offsets: &[u32], rows: &[u32]) -> Result<(Offsets, Vec<u32>)> {
    let mut taken = Vec::with_capacity(rows.len() + 1);
    let mut inner = Vec::new();
    taken.push(0);
    for &row in rows {
        let (start, end) = range(offsets, row as usize)?;
        inner.extend(start..end);
        taken.push(u32::try_from(inner.len()).map_err(|_| Declined::TooLarge)?);
    }
    Ok((taken, inner))
}

fn range(offsets: &[u32], row: usize) -> Result<(u32, u32)> {
    match (offsets.get(row), offsets.get(row + 1)) {
        (Some(&start), Some(&end)) if start <= end => Ok((start, end)),
        _ => Err(Declined::Malformed("offsets that do not fit")),
    }
}

/// A struct of these columns; `valid`: the rows that are not null, None = all.
pub fn structure(rows: usize, children: Vec<Arc<Column>>, valid: Option<Vec<bool>>) -> Result<Column> {
    if children.iter().any(|child| child.rows != rows) || valid.as_ref().is_some_and(|v| v.len() != rows) {
        return Err(Declined::Malformed("columns of different lengths"));
    }
    Ok(Column { rows, data: Data::Struct(children), valid, unchanged: None })
}

/// A column whose constant or all-null form is written out, row by row, for code that wants plain arrays. Others as they are.
pub fn spelled_out(column: &Column) -> Result<Column> {
    let rows = column.rows;
    let data = match &column.data {
        Data::Const(Scalar::Bool(value)) => Data::Bool(vec![*value; rows]),
        Data::Const(Scalar::Int(value)) => Data::Int(vec![*value; rows]),
        Data::Const(Scalar::Float(value)) => Data::Float(vec![*value; rows]),
        Data::Const(Scalar::Bin(value)) => {
            let total = value.len().checked_mul(rows).ok_or(Declined::TooLarge)?;
            u32::try_from(total).map_err(|_| Declined::TooLarge)?;
            let step = value.len() as u32;
            Data::Bin(Bin { offsets: (0..=rows as u32).map(|row| row * step).collect(), bytes: value.repeat(rows) })
        }
        other => other.clone(),
    };
    Ok(Column { rows, data, valid: column.valid.clone(), unchanged: column.unchanged.clone() })
}
