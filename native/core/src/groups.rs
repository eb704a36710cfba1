//! Rows that are equal in some columns, for what a transform may decide once for all of them: a topic, headers.

use std::collections::HashMap;
use std::sync::Arc;

use crate::column::{Column, Data, Scalar};
use crate::error::{Declined, Result};

/// A group: its first row, and which rows it has.
pub type Group = (u32, Vec<bool>);

/// The rows of each combination of values, in the order of their first rows; None when there are more than `limit`.
///
/// Floats are told apart by their bits, and a value that stands for one that was not sent from the same that was. `Err` for containers.
pub fn groups(columns: &[Arc<Column>], rows: usize, limit: usize) -> Result<Option<Vec<Group>>> {
    u32::try_from(rows).map_err(|_| Declined::TooLarge)?;
    let mut of_row: Vec<u32> = vec![0; rows];
    let mut count = u32::from(rows > 0);
    for column in columns {
        if column.rows != rows {
            return Err(Declined::Malformed("columns of different lengths"));
        }
        count = match &column.data {
            Data::Null => count,
            Data::Const(_) if column.valid.is_none() && column.unchanged.is_none() => count,
            Data::Const(_) => refine(&mut of_row, column, limit, |_| ()),
            Data::Bool(_) => refine(&mut of_row, column, limit, |row| column.bool(row)),
            Data::Int(_) => refine(&mut of_row, column, limit, |row| column.int(row)),
            Data::Float(_) => refine(&mut of_row, column, limit, |row| column.float(row).to_bits()),
            Data::Bin(_) => refine(&mut of_row, column, limit, |row| column.bin(row)),
            Data::Struct(_) | Data::List(..) | Data::Map(..) => return Err(Declined::Value("groups of containers")),
        };
        if count as usize > limit {
            return Ok(None);
        }
    }
    let group = |number: u32| -> Group {
        let rows: Vec<bool> = of_row.iter().map(|&one| one == number).collect();
        (rows.iter().position(|&one| one).unwrap_or(0) as u32, rows)
    };
    Ok(Some((0..count).map(group).collect()))
}

/// The group a row was in, whether its value stands for one that was not sent, and the value, None for null.
type Place<K> = (u32, bool, Option<K>);

/// Split the groups further by a column's values; answers how many there are, at most one more than `limit`.
fn refine<K: std::hash::Hash + Eq + Copy>(
    of_row: &mut [u32],
    column: &Column,
    limit: usize,
    key: impl Fn(usize) -> K,
) -> u32 {
    let mut known: HashMap<Place<K>, u32> = HashMap::new();
    // Neighbours are often equal: they are spared the look-up.
    let mut last: Option<(Place<K>, u32)> = None;
    for (row, group) in of_row.iter_mut().enumerate() {
        let found = (*group, column.is_unchanged(row), column.is_valid(row).then(|| key(row)));
        *group = match last {
            Some((before, number)) if before == found => number,
            _ => {
                let next = known.len() as u32;
                *known.entry(found).or_insert(next)
            }
        };
        if known.len() > limit {
            break;
        }
        last = Some((found, *group));
    }
    known.len() as u32
}

/// The smallest and the largest integer of the rows that are not null; None when there is none.
pub fn bounds(column: &Column) -> Option<(i64, i64)> {
    match &column.data {
        Data::Const(Scalar::Int(value)) => (0..column.rows).any(|row| column.is_valid(row)).then_some((*value, *value)),
        Data::Int(values) => values
            .iter()
            .enumerate()
            .filter(|(row, _)| column.is_valid(*row))
            .map(|(_, &value)| (value, value))
            .reduce(|(low, high), (value, _)| (low.min(value), high.max(value))),
        _ => None,
    }
}
