//! What the rows of a block mean to a sink: which action, which key, which fields.

use std::sync::Arc;

use crate::column::{Column, Data};
use crate::error::{Declined, Result};
use crate::last_word::equality::same;
use crate::last_word::{Action, Part};

/// A row of one of several blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowRef {
    pub part: u32,
    pub row: u32,
}

/// Fields of a change event, or of a plain row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Envelope { op: usize, before: usize, after: usize },
    Row,
}

/// Where a row's key is: nowhere, in fields of the record's key, the key itself, in fields of the row, in columns made for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyFrom {
    None,
    Key(Vec<usize>),
    Plain,
    Value(Vec<usize>),
    Given(usize),
}

/// A field of the row that may stand for "unchanged". `position`: how the caller knows it. `values`: what it holds then; None for a
/// field that can say so only by its column's mask.
#[derive(Debug, Clone)]
pub struct Mark {
    pub position: u32,
    pub at: usize,
    pub values: Option<Arc<Column>>,
}

/// What a null value is: nothing, a delete by the record's key, an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnNull {
    Skip,
    Delete,
    Error,
}

/// `deletes`: whether delete events are acted on. `fields`: how many the row has.
#[derive(Debug)]
pub struct Rules {
    pub form: Form,
    pub key: KeyFrom,
    pub on_null: OnNull,
    pub deletes: bool,
    pub keep_all: bool,
    pub marks: Vec<Mark>,
    pub fields: usize,
}

/// A field of a struct column; None where every row lacks the struct.
pub fn field(column: Option<&Column>, at: usize) -> Result<Option<&Column>> {
    match column.map(|one| &one.data) {
        None | Some(Data::Null) => Ok(None),
        Some(Data::Struct(children)) => {
            children.get(at).map(|one| Some(one.as_ref())).ok_or(Declined::Malformed("a field that is not there"))
        }
        Some(_) => Err(Declined::Malformed("no struct")),
    }
}

/// A block as the rules see it. `row`, `before`: structs. `keys`, `keys_before`: the key's columns for rows and for deletes.
#[derive(Debug)]
pub struct View<'a> {
    value: Option<&'a Column>,
    op: Option<&'a Column>,
    before: Option<&'a Column>,
    pub row: Option<&'a Column>,
    key: Option<&'a Column>,
    pub keys: Vec<Option<&'a Column>>,
    pub keys_before: Vec<Option<&'a Column>>,
    marks: Vec<Option<&'a Column>>,
}

impl<'a> View<'a> {
    pub fn of(rules: &Rules, part: &'a Part) -> Result<View<'a>> {
        let columns = part.key.iter().chain(&part.value).chain(&part.given);
        if columns.into_iter().any(|one| one.rows != part.rows) {
            return Err(Declined::Malformed("columns of different lengths"));
        }
        let (key, value) = (part.key.as_deref(), part.value.as_deref());
        let (op, before, row) = match rules.form {
            Form::Row => (None, None, value),
            Form::Envelope { op, before, after } => (field(value, op)?, field(value, before)?, field(value, after)?),
        };
        let fields_of = |of: Option<&'a Column>, ats: &[usize]| -> Result<Vec<Option<&'a Column>>> {
            ats.iter().map(|&at| field(of, at)).collect()
        };
        let (keys, keys_before) = match &rules.key {
            KeyFrom::None => (Vec::new(), Vec::new()),
            KeyFrom::Plain => (vec![key], vec![key]),
            KeyFrom::Key(ats) => (fields_of(key, ats)?, fields_of(key, ats)?),
            KeyFrom::Value(ats) => (fields_of(row, ats)?, fields_of(before, ats)?),
            KeyFrom::Given(count) => {
                if part.given.len() != *count {
                    return Err(Declined::Malformed("a key of other columns"));
                }
                let given: Vec<_> = part.given.iter().map(|one| Some(one.as_ref())).collect();
                (given.clone(), given)
            }
        };
        let marks = rules.marks.iter().map(|mark| field(row, mark.at)).collect::<Result<_>>()?;
        Ok(View { value, op, before, row, key, keys, keys_before, marks })
    }

    /// What row `i` asks for. Declined for what is an error, or is done another way (a truncate).
    #[inline]
    pub fn action(&self, rules: &Rules, i: usize) -> Result<Action> {
        let is_null = !self.value.is_some_and(|value| value.is_valid(i));
        if is_null && rules.on_null == OnNull::Skip {
            return Ok(Action::Skip);
        }
        let by_key = matches!(rules.key, KeyFrom::Key(_) | KeyFrom::Plain);
        if by_key && !self.key.is_some_and(|key| key.is_valid(i)) {
            return Err(Declined::Value("a record without a key"));
        }
        if is_null {
            return match rules.on_null {
                OnNull::Delete if by_key => Ok(Action::Delete),
                _ => Err(Declined::Value("a null value")),
            };
        }
        if rules.form == Form::Row {
            return Ok(Action::Write);
        }
        let op = self.op.filter(|op| op.is_valid(i)).map_or(&[][..], |op| op.bin(i));
        match op {
            b"c" | b"r" | b"u" => match self.row.is_some_and(|row| row.is_valid(i)) {
                true if op == b"u" => Ok(Action::Write),
                true => Ok(Action::Create),
                false => Err(Declined::Value("an event without a row")),
            },
            b"d" if !rules.deletes => Ok(Action::Skip),
            b"d" => match rules.key {
                _ if by_key => Ok(Action::Delete),
                KeyFrom::Value(_) if self.before.is_some_and(|row| row.is_valid(i)) => Ok(Action::Delete),
                _ => Err(Declined::Value("a delete without a key")),
            },
            _ => Err(Declined::Value("an event of another operation")),
        }
    }

    /// The marks of row `i` whose fields stand for "unchanged", by position, rising; None for a row that has all its values.
    #[inline]
    pub fn unchanged(&self, rules: &Rules, i: usize) -> Result<Option<Vec<u32>>> {
        let stands = |mark: &Mark, column: &Option<&Column>| {
            column.is_some_and(|column| {
                column.is_valid(i)
                    && mark.values.as_deref().is_some_and(|values| {
                        column.is_unchanged(i) || (0..values.rows).any(|which| same(column, i, values, which))
                    })
            })
        };
        if !rules.marks.iter().zip(&self.marks).any(|(mark, column)| stands(mark, column)) {
            return Ok(None);
        }
        let masked = |column: &Option<&Column>| column.is_some_and(|one| one.is_valid(i) && one.is_unchanged(i));
        let mut found: Vec<u32> = rules
            .marks
            .iter()
            .zip(&self.marks)
            .filter(|(mark, column)| stands(mark, column) || masked(column))
            .map(|(mark, _)| mark.position)
            .collect();
        found.sort_unstable();
        Ok(Some(found))
    }
}
