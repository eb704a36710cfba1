//! Whether two values of the same layout are equal, as the records' values are: numbers by value, containers element by element.

use crate::column::{Column, Data};

/// Row `i` of `a` against row `j` of `b`, which have the same layout. Null equals null.
pub fn same(a: &Column, i: usize, b: &Column, j: usize) -> bool {
    match (a.is_valid(i), b.is_valid(j)) {
        (true, true) => {}
        (a, b) => return a == b,
    }
    match (&a.data, &b.data) {
        (Data::Struct(left), Data::Struct(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, i, right, j))
        }
        (Data::List(left, items), Data::List(right, others)) => {
            elements(left, i, right, j).is_some_and(|mut pairs| pairs.all(|(i, j)| same(items, i, others, j)))
        }
        (Data::Map(left, keys, values), Data::Map(right, others, other_values)) => {
            // A map has no order; those compared here are small.
            let (Some((from, to)), Some((start, end))) = (range(left, i), range(right, j)) else { return false };
            to - from == end - start
                && (from..to)
                    .all(|i| (start..end).any(|j| same(keys, i, others, j) && same(values, i, other_values, j)))
        }
        _ => match (kind(a), kind(b)) {
            (Some(Plain::Bool), Some(Plain::Bool)) => a.bool(i) == b.bool(j),
            (Some(Plain::Int), Some(Plain::Int)) => a.int(i) == b.int(j),
            (Some(Plain::Float), Some(Plain::Float)) => a.float(i) == b.float(j),
            (Some(Plain::Bin), Some(Plain::Bin)) => a.bin(i) == b.bin(j),
            _ => false,
        },
    }
}

/// The sorts of plain data, whether written out or constant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plain {
    Bool,
    Int,
    Float,
    Bin,
}

/// What the column's values are; None for containers and for a column without any.
pub fn kind(column: &Column) -> Option<Plain> {
    use crate::column::Scalar;
    match &column.data {
        Data::Bool(_) | Data::Const(Scalar::Bool(_)) => Some(Plain::Bool),
        Data::Int(_) | Data::Const(Scalar::Int(_)) => Some(Plain::Int),
        Data::Float(_) | Data::Const(Scalar::Float(_)) => Some(Plain::Float),
        Data::Bin(_) | Data::Const(Scalar::Bin(_)) => Some(Plain::Bin),
        Data::Null | Data::Struct(_) | Data::List(..) | Data::Map(..) => None,
    }
}

/// The elements of row `i` of a list or map: from, to.
pub fn range(offsets: &[u32], i: usize) -> Option<(usize, usize)> {
    match (offsets.get(i), offsets.get(i + 1)) {
        (Some(&from), Some(&to)) if from <= to => Some((from as usize, to as usize)),
        _ => None,
    }
}

fn elements(left: &[u32], i: usize, right: &[u32], j: usize) -> Option<impl Iterator<Item = (usize, usize)>> {
    let ((from, to), (start, end)) = (range(left, i)?, range(right, j)?);
    (to - from == end - start).then(|| (from..to).zip(start..end))
}
