//! Columns put into place: rows among nulls, rows of two columns in one order.

use std::sync::Arc;

use crate::column::{Bin, Column, Data, Offsets};
use crate::error::{Declined, Result};

const MISPLACED: Declined = Declined::Malformed("rows that have no place");

/// A column of `rows` rows in which row `i` of `column` stands at `places[i]`, which rise; all others are null.
pub fn spread(column: Column, places: &[u32], rows: usize) -> Result<Column> {
    if column.rows != places.len() || places.last().is_some_and(|&last| last as usize >= rows) || !rising(places) {
        return Err(MISPLACED);
    }
    if column.rows == rows {
        return Ok(column);
    }
    spread_checked(column, places, rows)
}

fn rising(places: &[u32]) -> bool {
    places.windows(2).all(|two| two.first() < two.last())
}

fn spread_checked(column: Column, places: &[u32], rows: usize) -> Result<Column> {
    if places.is_empty() {
        return Ok(Column::null(rows));
    }
    let data = match column.data {
        Data::Null => return Ok(Column::null(rows)),
        Data::Const(value) => Data::Const(value),
        Data::Bool(values) => Data::Bool(scatter(&values, places, rows)),
        Data::Int(values) => Data::Int(scatter(&values, places, rows)),
        Data::Float(values) => Data::Float(scatter(&values, places, rows)),
        Data::Bin(bin) => Data::Bin(Bin { offsets: stretch(&bin.offsets, places, rows), bytes: bin.bytes }),
        Data::Struct(children) => Data::Struct(
            children
                .into_iter()
                .map(|child| Ok(Arc::new(spread(owned(child), places, rows)?)))
                .collect::<Result<Vec<_>>>()?,
        ),
        Data::List(offsets, items) => Data::List(stretch(&offsets, places, rows), items),
        Data::Map(offsets, keys, values) => Data::Map(stretch(&offsets, places, rows), keys, values),
    };
    let valid = match column.valid {
        Some(valid) => scatter(&valid, places, rows),
        None => mask(places, rows),
    };
    let unchanged = column.unchanged.map(|unchanged| scatter(&unchanged, places, rows));
    Ok(Column { rows, data, valid: Some(valid), unchanged })
}

/// The column itself where nobody else has it.
pub fn owned(column: Arc<Column>) -> Column {
    Arc::try_unwrap(column).unwrap_or_else(|shared| Column::clone(&shared))
}

/// True at these places of `rows`.
pub fn mask(places: &[u32], rows: usize) -> Vec<bool> {
    let mut made = vec![false; rows];
    for &place in places {
        if let Some(one) = made.get_mut(place as usize) {
            *one = true;
        }
    }
    made
}

fn scatter<T: Copy + Default>(values: &[T], places: &[u32], rows: usize) -> Vec<T> {
    let mut made = vec![T::default(); rows];
    for (&value, &place) in values.iter().zip(places) {
        if let Some(one) = made.get_mut(place as usize) {
            *one = value;
        }
    }
    made
}

/// Offsets in which the rows without a place are empty.
fn stretch(offsets: &[u32], places: &[u32], rows: usize) -> Offsets {
    let mut made = Vec::with_capacity(rows + 1);
    let mut end = offsets.first().copied().unwrap_or(0);
    for (&place, &next) in places.iter().zip(offsets.iter().skip(1)) {
        made.resize(place as usize + 1, end);
        end = next;
    }
    made.resize(rows + 1, end);
    made
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
        for column in [ints.finish(), bins.finish()] {
            let made = spread(column.clone(), &places, 8).unwrap();
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
        let column = || Column::new(2, Data::Int(vec![1, 2]));
        for places in [&[0u32][..], &[1, 0], &[0, 9], &[0, 0]] {
            assert!(spread(column(), places, 4).is_err());
        }
    }
}
