//! Pieces of one column, one behind the other.

use std::sync::Arc;

use crate::column::{Bin, Column, Data};
use crate::error::{Declined, Result};
use crate::ops;

const KINDS: Declined = Declined::Malformed("pieces of different kinds");

/// The rows of all pieces, which are of one kind.
pub fn concat(pieces: &[Column]) -> Result<Column> {
    if let [one] = pieces {
        return Ok(one.clone());
    }
    let rows = pieces.iter().map(|one| one.rows).sum();
    u32::try_from(rows).map_err(|_| Declined::TooLarge)?;
    let spelled = pieces.iter().map(ops::spelled_out).collect::<Result<Vec<_>>>()?;
    let Some(like) = spelled.iter().find(|one| !matches!(one.data, Data::Null)) else { return Ok(Column::null(rows)) };
    let data = match &like.data {
        Data::Bool(_) => Data::Bool(flat(&spelled, |data| if let Data::Bool(one) = data { Some(one) } else { None })?),
        Data::Int(_) => Data::Int(flat(&spelled, |data| if let Data::Int(one) = data { Some(one) } else { None })?),
        Data::Float(_) => {
            Data::Float(flat(&spelled, |data| if let Data::Float(one) = data { Some(one) } else { None })?)
        }
        Data::Bin(_) => {
            let mut made = Bin { offsets: vec![0], bytes: Vec::new() };
            for piece in &spelled {
                for row in 0..piece.rows {
                    made.bytes.extend_from_slice(piece.bin(row));
                    made.offsets.push(u32::try_from(made.bytes.len()).map_err(|_| Declined::TooLarge)?);
                }
            }
            Data::Bin(made)
        }
        Data::Struct(children) => Data::Struct(
            (0..children.len())
                .map(|index| {
                    joined(&spelled, |piece| match &piece.data {
                        Data::Struct(children) => children.get(index).map(|one| Column::clone(one)),
                        _ => Some(Column::null(piece.rows)),
                    })
                })
                .collect::<Result<_>>()?,
        ),
        Data::List(..) => {
            let inner = joined(&spelled, |piece| match &piece.data {
                Data::List(_, items) => Some(Column::clone(items)),
                _ => Some(Column::null(0)),
            })?;
            Data::List(offsets(&spelled)?, inner)
        }
        Data::Map(..) => {
            let side = |first: bool| {
                joined(&spelled, |piece| match &piece.data {
                    Data::Map(_, keys, values) => Some(Column::clone(if first { keys } else { values })),
                    _ => Some(Column::null(0)),
                })
            };
            Data::Map(offsets(&spelled)?, side(true)?, side(false)?)
        }
        Data::Null | Data::Const(_) => return Err(KINDS),
    };
    let valid: Vec<bool> = spelled.iter().flat_map(|one| (0..one.rows).map(|row| one.is_valid(row))).collect();
    let marks: Vec<bool> = spelled.iter().flat_map(|one| (0..one.rows).map(|row| one.is_unchanged(row))).collect();
    Ok(Column {
        rows,
        data,
        valid: valid.iter().any(|one| !one).then_some(valid),
        unchanged: marks.iter().any(|&one| one).then_some(marks),
    })
}

fn joined(pieces: &[Column], part: impl Fn(&Column) -> Option<Column>) -> Result<Arc<Column>> {
    let parts = pieces.iter().map(part).collect::<Option<Vec<_>>>().ok_or(KINDS)?;
    concat(&parts).map(Arc::new)
}

/// The values of all pieces; a piece without any stands for as many defaults.
fn flat<'a, T: Copy + Default + 'a>(
    pieces: &'a [Column],
    values: impl Fn(&'a Data) -> Option<&'a Vec<T>>,
) -> Result<Vec<T>> {
    let mut made = Vec::new();
    for piece in pieces {
        match (&piece.data, values(&piece.data)) {
            (_, Some(some)) => made.extend_from_slice(some),
            (Data::Null, None) => made.resize(made.len() + piece.rows, T::default()),
            _ => return Err(KINDS),
        }
    }
    Ok(made)
}

fn offsets(pieces: &[Column]) -> Result<Vec<u32>> {
    let mut made = vec![0u32];
    for piece in pieces {
        let start = made.last().copied().unwrap_or(0);
        match &piece.data {
            Data::List(offsets, _) | Data::Map(offsets, ..) => {
                for &end in offsets.iter().skip(1) {
                    made.push(start.checked_add(end).ok_or(Declined::TooLarge)?);
                }
            }
            Data::Null => made.resize(made.len() + piece.rows, start),
            _ => return Err(KINDS),
        }
    }
    Ok(made)
}
