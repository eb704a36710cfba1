//! One block's rows: a plan bound to its columns, and what each row asks for.

use super::form::Form;
use super::placeholder::{Placeholder, Stands};
use super::plan::{column_of, FieldPlan, KeyPiece, Plan, Target};
use crate::column::Column;
use crate::error::{Declined, Result};

pub(super) enum Piece<'a> {
    Literal(&'a [u8]),
    Value { column: Option<&'a Column>, form: &'a Form, required: bool },
}

pub(super) struct Field<'a> {
    pub plan: &'a FieldPlan,
    pub column: Option<&'a Column>,
}

pub(super) enum Bound<'a> {
    Tombstones,
    Hash(Vec<Field<'a>>),
    Text(&'a Form),
    Document { module: bool, fields: Option<Vec<Field<'a>>> },
    Entry { after: Vec<Field<'a>>, before: Vec<Field<'a>> },
    List,
    Set,
    Scores(&'a Form),
}

/// What a field is in one row.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Is {
    Present,
    Default,
    Null,
    Unchanged,
}

/// What a row asks for. An upsert's and a delete's letter, if they are of a change event.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Action<'a> {
    Tombstone,
    Delete,
    Upsert(Option<&'a [u8]>),
}

/// A row is left to the twin.
pub struct Twin;

pub struct Rows<'a> {
    key: Option<&'a Column>,
    pieces: Vec<Piece<'a>>,
    member: Vec<Piece<'a>>,
    pub(super) collection: bool,
    value: Option<&'a Column>,
    /// The operation's column; the outer None: these are no change events.
    op: Option<Option<&'a Column>>,
    pub(super) before: Option<&'a Column>,
    pub(super) row: Option<&'a Column>,
    pub(super) bound: Bound<'a>,
    pub(super) placeholder: &'a Placeholder,
    pub(super) ttl: u64,
    /// The Redis key of the row at work, and one value or the record's key.
    pub(super) name: Vec<u8>,
    pub(super) scratch: Vec<u8>,
    pub(super) states: Vec<Is>,
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
        let piece = |piece: &'a KeyPiece| -> Result<Piece<'a>> {
            Ok(match piece {
                KeyPiece::Literal(text) => Piece::Literal(text),
                KeyPiece::Whole(form) => Piece::Value { column: key, form, required: true },
                KeyPiece::Field { at, form, required } => {
                    Piece::Value { column: of(key, *at)?, form, required: *required }
                }
            })
        };
        let pieces = plan.key.iter().map(piece).collect::<Result<_>>()?;
        let member = plan.member.iter().map(piece).collect::<Result<_>>()?;
        let (op, before, row) = match plan.envelope {
            Some(envelope) => {
                let before = envelope.before.map_or(Ok(None), |at| of(value, at))?;
                (Some(of(value, envelope.op)?), before, of(value, envelope.after)?)
            }
            None => (None, None, value),
        };
        let fields = |plans: &'a [FieldPlan], row: Option<&'a Column>| -> Result<Vec<Field<'a>>> {
            plans.iter().enumerate().map(|(at, plan)| Ok(Field { plan, column: of(row, at)? })).collect()
        };
        let bound = match &plan.value {
            None => Bound::Tombstones,
            Some(Target::Hash(plans)) => Bound::Hash(fields(plans, row)?),
            Some(Target::Text(form)) => Bound::Text(form),
            Some(Target::Document { module, fields: None }) => Bound::Document { module: *module, fields: None },
            Some(Target::Document { module, fields: Some(plans) }) => {
                Bound::Document { module: *module, fields: Some(fields(plans, row)?) }
            }
            Some(Target::Entry { after, before: old }) => {
                Bound::Entry { after: fields(after, row)?, before: fields(old, before)? }
            }
            Some(Target::List) => Bound::List,
            Some(Target::Set) => Bound::Set,
            Some(Target::Scores(form)) => Bound::Scores(form),
        };
        let (name, scratch, states) = (Vec::new(), Vec::new(), Vec::new());
        let (collection, placeholder, ttl) = (plan.collection, &plan.placeholder, plan.ttl);
        Ok(Rows {
            key,
            pieces,
            member,
            collection,
            value,
            op,
            before,
            row,
            bound,
            placeholder,
            ttl,
            name,
            scratch,
            states,
        })
    }

    pub(super) fn action(&self, i: usize) -> std::result::Result<Action<'a>, Twin> {
        if !self.value.is_some_and(|value| value.is_valid(i)) {
            return Ok(Action::Tombstone);
        }
        if matches!(self.bound, Bound::Tombstones) {
            return Err(Twin);
        }
        let Some(op) = &self.op else { return Ok(Action::Upsert(None)) };
        match op.filter(|op| op.is_valid(i)).map_or(&[][..], |op| op.bin(i)) {
            op @ (b"c" | b"u" | b"r") if self.row.is_some_and(|row| row.is_valid(i)) => Ok(Action::Upsert(Some(op))),
            b"d" => Ok(Action::Delete),
            _ => Err(Twin),
        }
    }

    /// The Redis key of row `i`.
    pub(super) fn make_name(&mut self, i: usize) -> std::result::Result<(), Twin> {
        self.name.clear();
        joined(&mut self.name, self.key, &self.pieces, i)
    }

    /// The record's key of row `i`.
    pub(super) fn make_member(&mut self, i: usize) -> std::result::Result<(), Twin> {
        self.scratch.clear();
        joined(&mut self.scratch, self.key, &self.member, i)
    }

    /// What each of these fields is in row `i`: how many are there, and how many are null.
    pub(super) fn look(
        states: &mut Vec<Is>,
        fields: &[Field<'_>],
        placeholder: &Placeholder,
        i: usize,
    ) -> std::result::Result<(usize, usize), Twin> {
        let (mut present, mut nulls) = (0, 0);
        states.clear();
        for field in fields {
            let is = state(field, i, placeholder)?;
            present += usize::from(matches!(is, Is::Present | Is::Default));
            nulls += usize::from(is == Is::Null);
            states.push(is);
        }
        Ok((present, nulls))
    }
}

fn joined(to: &mut Vec<u8>, key: Option<&Column>, pieces: &[Piece<'_>], i: usize) -> std::result::Result<(), Twin> {
    let there = key.is_some_and(|key| key.is_valid(i));
    for piece in pieces {
        match piece {
            Piece::Literal(text) => to.extend_from_slice(text),
            Piece::Value { .. } if !there => return Err(Twin),
            Piece::Value { column, form, required } => match column.filter(|column| column.is_valid(i)) {
                Some(column) if form.write(to, column, i) => {}
                Some(_) => return Err(Twin),
                None if *required => return Err(Twin),
                None => {}
            },
        }
    }
    Ok(())
}

#[inline]
fn state(field: &Field<'_>, i: usize, placeholder: &Placeholder) -> std::result::Result<Is, Twin> {
    let Some(column) = field.column.filter(|column| column.is_valid(i)) else {
        return Ok(if field.plan.default.is_some() { Is::Default } else { Is::Null });
    };
    match field.plan.stands {
        Stands::Text if column.bin(i) == placeholder.text => return Ok(Is::Unchanged),
        Stands::Container if placeholder.maybe(column, i) => return Err(Twin),
        _ => {}
    }
    // A placeholder of another text than the one configured: the twin knows what it is.
    if column.is_unchanged(i) {
        return Err(Twin);
    }
    Ok(Is::Present)
}
