//! What transforms do about nulls: put defaults in their place, find forbidden ones, hide rows, put one value in place of all.

use std::sync::Arc;

use crate::column::{Bin, Column, Data, Scalar};
use crate::error::{Declined, Result};
use crate::layout::{Field, Layout};
use crate::ops;

impl Column {
    /// As `valid`, but None only where no row is null, whatever the data.
    pub fn validity(&self) -> Option<Vec<bool>> {
        match (&self.data, &self.valid) {
            (Data::Null, _) => Some(vec![false; self.rows]),
            (_, Some(valid)) if valid.iter().any(|one| !one) => Some(valid.clone()),
            _ => None,
        }
    }
}

/// Whether a row is null that is one of `within` (None = of all).
pub fn lacks(column: &Column, within: Option<&[bool]>) -> bool {
    if matches!(column.data, Data::Null) {
        return within.map_or(column.rows > 0, |within| within.iter().any(|&one| one));
    }
    match (&column.valid, within) {
        (None, _) => false,
        (Some(valid), None) => valid.iter().any(|one| !one),
        (Some(valid), Some(within)) => valid.iter().zip(within).any(|(&there, &wanted)| wanted && !there),
    }
}

/// The column with `value` where a row of `within` (None = every row) is null.
pub fn filled(column: &Column, value: &Scalar, within: Option<&[bool]>) -> Result<Column> {
    if !lacks(column, within) {
        return Ok(column.clone());
    }
    let chosen = |row: usize| match within {
        Some(within) => within.get(row).copied().unwrap_or(false),
        None => true,
    };
    let missing: Vec<bool> = (0..column.rows).map(|row| !column.is_valid(row) && chosen(row)).collect();
    put(column, value, &missing)
}

/// The column with `value` in the rows for which the mask is true.
pub fn put(column: &Column, value: &Scalar, mask: &[bool]) -> Result<Column> {
    let rows = column.rows;
    if mask.len() != rows {
        return Err(Declined::Malformed("a mask of another length"));
    }
    let here = |row: usize| mask.get(row).copied().unwrap_or(false);
    let data = match (&column.data, value) {
        (Data::Null, value) => Data::Const(value.clone()),
        (Data::Const(now), value) if now == value => Data::Const(value.clone()),
        (Data::Bool(_) | Data::Const(Scalar::Bool(_)), &Scalar::Bool(value)) => {
            Data::Bool((0..rows).map(|row| if here(row) { value } else { column.bool(row) }).collect())
        }
        (Data::Int(_) | Data::Const(Scalar::Int(_)), &Scalar::Int(value)) => {
            Data::Int((0..rows).map(|row| if here(row) { value } else { column.int(row) }).collect())
        }
        (Data::Float(_) | Data::Const(Scalar::Float(_)), &Scalar::Float(value)) => {
            Data::Float((0..rows).map(|row| if here(row) { value } else { column.float(row) }).collect())
        }
        (Data::Bin(_) | Data::Const(Scalar::Bin(_)), Scalar::Bin(value)) => {
            let mut made = Bin { offsets: Vec::with_capacity(rows + 1), bytes: Vec::new() };
            made.offsets.push(0);
            for row in 0..rows {
                made.bytes.extend_from_slice(if here(row) { value } else { column.bin(row) });
                made.offsets.push(u32::try_from(made.bytes.len()).map_err(|_| Declined::TooLarge)?);
            }
            Data::Bin(made)
        }
        _ => return Err(Declined::Value("a default of another kind")),
    };
    let valid: Vec<bool> = (0..rows).map(|row| here(row) || column.is_valid(row)).collect();
    let unchanged = column.unchanged.as_ref().map(|marks| marks.iter().zip(mask).map(|(&m, &h)| m && !h).collect());
    Ok(Column { rows, data, valid: valid.iter().any(|one| !one).then_some(valid), unchanged })
}

/// The column with null in every row that is not of `within`; in the fields of a struct, too.
pub fn within(column: &Column, within: &[bool]) -> Result<Column> {
    if within.len() != column.rows {
        return Err(Declined::Malformed("a mask of another length"));
    }
    if (0..column.rows).all(|row| within.get(row) == Some(&true) || !column.is_valid(row)) {
        return Ok(column.clone());
    }
    let data = match &column.data {
        Data::Struct(children) => {
            Data::Struct(children.iter().map(|one| Ok(Arc::new(self::within(one, within)?))).collect::<Result<_>>()?)
        }
        other => other.clone(),
    };
    let valid = within.iter().enumerate().map(|(row, &one)| one && column.is_valid(row)).collect();
    Ok(Column { rows: column.rows, data, valid: Some(valid), unchanged: column.unchanged.clone() })
}

/// The value of the single row of `one` wherever this column has any; null where it has none.
pub fn replaced(column: &Column, one: &Column) -> Result<Column> {
    let rows = column.rows;
    let value = match &one.data {
        Data::Bool(_) => Data::Const(Scalar::Bool(one.bool(0))),
        Data::Int(_) => Data::Const(Scalar::Int(one.int(0))),
        Data::Float(_) => Data::Const(Scalar::Float(one.float(0))),
        Data::Bin(_) => Data::Const(Scalar::Bin(one.bin(0).into())),
        _ => ops::take(one, &vec![0; rows])?.data,
    };
    match column.validity() {
        None => Ok(Column::new(rows, value)),
        Some(valid) => within(&Column::new(rows, value), &valid),
    }
}

/// The fields of a struct column; all null where no row has one.
pub fn children(column: &Column, count: usize) -> Result<Vec<Arc<Column>>> {
    match &column.data {
        Data::Struct(children) if children.len() == count => Ok(children.clone()),
        Data::Null => {
            let shared = Arc::new(Column::null(column.rows));
            Ok((0..count).map(|_| shared.clone()).collect())
        }
        _ => Err(Declined::Malformed("not a struct of that many fields")),
    }
}

/// How a struct's fields are read into a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// As they are.
    AsIs,
    /// As they are; a null in a required field is an error.
    Checked,
    /// Nulls replaced by defaults; a null that is left in a required field is an error.
    DefaultsChecked,
    /// Nulls replaced by defaults, nothing checked.
    Defaults,
}

/// The fields at `chosen` of a struct column, read as transforms do it. `Err` for a null in a required field of a struct that is there.
pub fn read(column: &Column, layout: &Layout, chosen: &[usize], reading: Reading) -> Result<Vec<Arc<Column>>> {
    let fields = layout.fields();
    let columns = children(column, fields.len())?;
    let there = column.validity();
    let there = there.as_deref();
    let mut made = Vec::with_capacity(chosen.len());
    for &index in chosen {
        let (Some(Field { layout, .. }), Some(one)) = (fields.get(index), columns.get(index)) else {
            return Err(Declined::Malformed("no such field"));
        };
        made.push(match (&layout.default, reading) {
            (Some(default), Reading::Defaults | Reading::DefaultsChecked) if lacks(one, there) => {
                Arc::new(filled(one, default, there)?)
            }
            (Some(_), Reading::Defaults | Reading::DefaultsChecked) => one.clone(),
            (_, Reading::Checked | Reading::DefaultsChecked) if !layout.optional && lacks(one, there) => {
                return Err(Declined::Value("a null in a required field"));
            }
            _ => one.clone(),
        });
    }
    Ok(made)
}

/// A struct of these fields that is null where `like` is.
pub fn struct_like(like: &Column, fields: Vec<Arc<Column>>) -> Result<Column> {
    let rows = like.rows;
    if fields.iter().any(|one| one.rows != rows) {
        return Err(Declined::Malformed("columns of different lengths"));
    }
    let Some(valid) = like.validity() else {
        return Ok(Column::new(rows, Data::Struct(fields)));
    };
    let fields = fields.iter().map(|one| Ok(Arc::new(within(one, &valid)?))).collect::<Result<Vec<_>>>()?;
    Ok(Column { rows, data: Data::Struct(fields), valid: Some(valid), unchanged: None })
}
