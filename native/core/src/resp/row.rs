//! One block's rows as commands: a plan bound to its columns.

use super::form::Form;
use super::plan::{bulk, column_of, words, KeyPiece, Plan, Target};
use crate::column::Column;
use crate::error::{Declined, Result};

enum Piece<'a> {
    Literal(&'a [u8]),
    Value { column: Option<&'a Column>, form: Form, required: bool },
}

struct Field<'a> {
    name: &'a [u8],
    column: Option<&'a Column>,
    form: Form,
    default: Option<&'a [u8]>,
}

enum Bound<'a> {
    Tombstones,
    Hash(Vec<Field<'a>>),
    Text(Form, Option<&'a Column>),
}

/// What a field is in one row.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Is {
    Present,
    Default,
    Null,
    Unchanged,
}

/// A row is left to the twin.
pub struct Twin;

pub struct Rows<'a> {
    key: Option<&'a Column>,
    pieces: Vec<Piece<'a>>,
    value: Option<&'a Column>,
    /// The operation's column; the outer None: these are no change events.
    op: Option<Option<&'a Column>>,
    row: Option<&'a Column>,
    bound: Bound<'a>,
    placeholder: &'a [u8],
    ttl: u64,
    /// The Redis key of the row at work, and one value.
    name: Vec<u8>,
    scratch: Vec<u8>,
    states: Vec<Is>,
}

impl<'a> Rows<'a> {
    pub fn bind(plan: &'a Plan, rows: usize, key: Option<&'a Column>, value: Option<&'a Column>) -> Result<Rows<'a>> {
        if key.iter().chain(&value).any(|one| one.rows != rows) {
            return Err(Declined::Malformed("columns of different lengths"));
        }
        let of = |column: Option<&'a Column>, at: usize| match column {
            Some(column) => column_of(column, at),
            None => Ok(None),
        };
        let mut pieces = Vec::with_capacity(plan.key.len());
        for piece in &plan.key {
            pieces.push(match piece {
                KeyPiece::Literal(text) => Piece::Literal(text),
                KeyPiece::Whole(form) => Piece::Value { column: key, form: *form, required: true },
                KeyPiece::Field { at, form, required } => {
                    Piece::Value { column: of(key, *at)?, form: *form, required: *required }
                }
            });
        }
        let (op, row) = match plan.envelope {
            Some(envelope) => (Some(of(value, envelope.op)?), of(value, envelope.after)?),
            None => (None, value),
        };
        let bound = match &plan.value {
            None => Bound::Tombstones,
            Some(Target::Text(form)) => Bound::Text(*form, row),
            Some(Target::Hash(fields)) => Bound::Hash(
                fields
                    .iter()
                    .enumerate()
                    .map(|(at, field)| {
                        let default = field.default.as_deref();
                        Ok(Field { name: &field.name, column: of(row, at)?, form: field.form, default })
                    })
                    .collect::<Result<_>>()?,
            ),
        };
        let (name, scratch, states) = (Vec::new(), Vec::new(), Vec::new());
        let placeholder = &plan.placeholder;
        Ok(Rows { key, pieces, value, op, row, bound, placeholder, ttl: plan.ttl, name, scratch, states })
    }

    /// Appends the commands of row `i` and answers how many there are. After an error `to` has to be cut again.
    pub fn write(&mut self, to: &mut Vec<u8>, i: usize) -> std::result::Result<u32, Twin> {
        self.make_name(i)?;
        let upsert = match self.value {
            Some(value) if value.is_valid(i) && !matches!(self.bound, Bound::Tombstones) => match &self.op {
                None => true,
                Some(op) => match op.filter(|op| op.is_valid(i)).map_or(&[][..], |op| op.bin(i)) {
                    b"c" | b"u" | b"r" if self.row.is_some_and(|row| row.is_valid(i)) => true,
                    b"d" => false,
                    _ => return Err(Twin),
                },
            },
            Some(value) if value.is_valid(i) => return Err(Twin),
            _ => false,
        };
        if !upsert {
            to.extend_from_slice(b"*2\r\n$3\r\nDEL\r\n");
            bulk(to, &self.name);
            return Ok(1);
        }
        let replies = self.upsert(to, i)?;
        if self.ttl == 0 || replies == 0 {
            return Ok(replies);
        }
        to.extend_from_slice(b"*3\r\n$6\r\nEXPIRE\r\n");
        bulk(to, &self.name);
        bulk(to, itoa::Buffer::new().format(self.ttl).as_bytes());
        Ok(replies + 1)
    }

    fn upsert(&mut self, to: &mut Vec<u8>, i: usize) -> std::result::Result<u32, Twin> {
        match &self.bound {
            Bound::Tombstones => Err(Twin),
            Bound::Hash(_) => self.hash(to, i),
            Bound::Text(form, column) => {
                let Some(column) = column.filter(|column| column.is_valid(i)) else { return Err(Twin) };
                to.extend_from_slice(b"*3\r\n$3\r\nSET\r\n");
                bulk(to, &self.name);
                value(to, &mut self.scratch, *form, column, i)?;
                Ok(1)
            }
        }
    }

    fn make_name(&mut self, i: usize) -> std::result::Result<(), Twin> {
        if !self.key.is_some_and(|key| key.is_valid(i)) {
            return Err(Twin);
        }
        self.name.clear();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => self.name.extend_from_slice(text),
                Piece::Value { column, form, required } => match column.filter(|column| column.is_valid(i)) {
                    Some(column) if form.write(&mut self.name, column, i) => {}
                    Some(_) => return Err(Twin),
                    None if *required => return Err(Twin),
                    None => {}
                },
            }
        }
        Ok(())
    }

    fn hash(&mut self, to: &mut Vec<u8>, i: usize) -> std::result::Result<u32, Twin> {
        let Bound::Hash(fields) = &self.bound else { return Err(Twin) };
        let (mut present, mut nulls) = (0usize, 0usize);
        self.states.clear();
        for field in fields {
            let is = state(field, i, self.placeholder)?;
            present += usize::from(matches!(is, Is::Present | Is::Default));
            nulls += usize::from(is == Is::Null);
            self.states.push(is);
        }
        let mut replies = 0;
        if present > 0 {
            words(to, 2 + 2 * present);
            to.extend_from_slice(b"$4\r\nHSET\r\n");
            bulk(to, &self.name);
            for (field, is) in fields.iter().zip(&self.states) {
                match (is, field.column, field.default) {
                    (Is::Present, Some(column), _) => {
                        to.extend_from_slice(field.name);
                        value(to, &mut self.scratch, field.form, column, i)?;
                    }
                    (Is::Default, _, Some(default)) => {
                        to.extend_from_slice(field.name);
                        bulk(to, default);
                    }
                    _ => {}
                }
            }
            replies += 1;
        }
        if nulls > 0 {
            words(to, 2 + nulls);
            to.extend_from_slice(b"$4\r\nHDEL\r\n");
            bulk(to, &self.name);
            for (field, is) in fields.iter().zip(&self.states) {
                if *is == Is::Null {
                    to.extend_from_slice(field.name);
                }
            }
            replies += 1;
        }
        Ok(replies)
    }
}

#[inline]
fn state(field: &Field<'_>, i: usize, placeholder: &[u8]) -> std::result::Result<Is, Twin> {
    let Some(column) = field.column.filter(|column| column.is_valid(i)) else {
        return Ok(if field.default.is_some() { Is::Default } else { Is::Null });
    };
    if field.form.may_stand() && column.bin(i) == placeholder {
        return Ok(Is::Unchanged);
    }
    // A placeholder of another text than the one configured: the twin knows what it is.
    if column.is_unchanged(i) {
        return Err(Twin);
    }
    Ok(Is::Present)
}

#[inline]
fn value(
    to: &mut Vec<u8>,
    scratch: &mut Vec<u8>,
    form: Form,
    column: &Column,
    i: usize,
) -> std::result::Result<(), Twin> {
    if form.may_stand() {
        bulk(to, column.bin(i));
        return Ok(());
    }
    scratch.clear();
    if !form.write(scratch, column, i) {
        return Err(Twin);
    }
    bulk(to, scratch);
    Ok(())
}
