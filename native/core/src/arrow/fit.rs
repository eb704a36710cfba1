//! An imported column under the layout of a schema: what the layout does not hold is declined, what was lost is put back.

use std::sync::Arc;

use crate::builders::Bins;
use crate::column::{Column, Data};
use crate::error::{Declined, Result};
use crate::json::decimal::shortest;
use crate::last_word::equality::same;
use crate::layout::{Kind, Layout};
use crate::nulls::lacks;

const MISFIT: Declined = Declined::Value("a column that does not fit its schema");
const MISSING: Declined = Declined::Value("a null in a required field");

/// The column, whose kind of data is the layout's. A null row is taken for one that has no schema, even where the layout is required.
pub fn fitted(column: &Arc<Column>, layout: &Layout) -> Result<Arc<Column>> {
    inner(column, layout, None)
}

/// A part of a column. `within`: the rows that the struct around it has.
fn part(column: &Arc<Column>, layout: &Layout, within: Option<&[bool]>) -> Result<Arc<Column>> {
    if !layout.optional && layout.default.is_none() && lacks(column, within) {
        return Err(MISSING);
    }
    inner(column, layout, within)
}

fn inner(column: &Arc<Column>, layout: &Layout, within: Option<&[bool]>) -> Result<Arc<Column>> {
    let range = |low: i64, high: i64| -> Result<Arc<Column>> {
        let Data::Int(values) = &column.data else { return Err(MISFIT) };
        let fits = values.iter().enumerate().all(|(row, &one)| !column.is_valid(row) || (low..=high).contains(&one));
        if fits {
            Ok(column.clone())
        } else {
            Err(MISFIT)
        }
    };
    let same = |fits: bool| if fits { Ok(column.clone()) } else { Err(MISFIT) };
    match (&layout.kind, &column.data) {
        (_, Data::Null) => Ok(column.clone()),
        (Kind::Bool, data) => same(matches!(data, Data::Bool(_))),
        (Kind::Int8, _) => range(i64::from(i8::MIN), i64::from(i8::MAX)),
        (Kind::Int16, _) => range(i64::from(i16::MIN), i64::from(i16::MAX)),
        (Kind::Int32 | Kind::Date | Kind::Time, _) => range(i64::from(i32::MIN), i64::from(i32::MAX)),
        (Kind::Int64 | Kind::Timestamp, data) => same(matches!(data, Data::Int(_))),
        (Kind::Float32 | Kind::Float64, data) => same(matches!(data, Data::Float(_))),
        (Kind::Str | Kind::Bytes, data) => same(matches!(data, Data::Bin(_))),
        (Kind::Decimal { .. }, Data::Bin(_)) => decimals(column),
        (Kind::Struct(fields), Data::Struct(children)) if fields.len() == children.len() => {
            let there = column.validity();
            let there = there.as_deref().or(within);
            let made = fields
                .iter()
                .zip(children)
                .map(|(field, child)| part(child, &field.layout, there))
                .collect::<Result<_>>()?;
            Ok(with(column, Data::Struct(made)))
        }
        (Kind::List(element), Data::List(offsets, items)) => {
            Ok(with(column, Data::List(offsets.clone(), part(items, element, None)?)))
        }
        (Kind::Map(key, value), Data::Map(offsets, keys, values)) => {
            let data = Data::Map(offsets.clone(), part(keys, key, None)?, part(values, value, None)?);
            Ok(with(column, data))
        }
        _ => Err(MISFIT),
    }
}

fn with(column: &Column, data: Data) -> Arc<Column> {
    Arc::new(Column { rows: column.rows, data, valid: column.valid.clone(), unchanged: column.unchanged.clone() })
}

/// Unscaled values in their shortest form.
fn decimals(column: &Arc<Column>) -> Result<Arc<Column>> {
    let short = |row: usize| !column.is_valid(row) || shortest(column.bin(row)).len() == column.bin(row).len();
    if (0..column.rows).all(short) {
        return Ok(column.clone());
    }
    let mut made = Bins::with_capacity(column.rows, 0);
    for row in 0..column.rows {
        match column.is_valid(row) {
            true if column.bin(row).is_empty() => return Err(MISFIT),
            true => made.push(shortest(column.bin(row)))?,
            false => made.push_null(),
        }
    }
    Ok(Arc::new(made.finish()))
}

/// Marks of values that were not sent, where `column`, which is of the same layout, has the very value that `before` had marked.
pub fn marked(column: &Column, before: &Column) -> Column {
    let mut made = column.clone();
    if let Some(marks) = &before.unchanged {
        let kept: Vec<bool> = (0..column.rows)
            .map(|row| marks.get(row) == Some(&true) && column.is_valid(row) && same(column, row, before, row))
            .collect();
        made.unchanged = kept.iter().any(|&one| one).then_some(kept);
    }
    made
}
