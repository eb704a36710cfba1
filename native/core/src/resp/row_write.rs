//! The commands of one row.

use super::form::Form;
use super::plan::{bulk, words};
use super::row::{Action, Bound, Field, Is, Rows, Twin};
use crate::column::Column;

type Made<T> = std::result::Result<T, Twin>;

/// Words of the longest stream entry's fields; a longer one is an error, of which the twin speaks.
const LONGEST_ENTRY: usize = 7_792;

impl Rows<'_> {
    /// Appends the commands of row `i` and answers how many there are. After an error `to` has to be cut again.
    pub fn write(&mut self, to: &mut Vec<u8>, i: usize) -> Made<u32> {
        let action = self.action(i)?;
        if self.collection && action == Action::Tombstone {
            return Ok(0);
        }
        self.make_name(i)?;
        let Action::Upsert(op) = action else { return self.delete(to, i) };
        let appending = matches!(self.bound, Bound::Entry { .. } | Bound::List);
        if self.ttl > 0 && appending {
            // If it is refused, then before anything was appended.
            self.expire(to);
        }
        let replies = self.upsert(to, i, op)?;
        if self.ttl == 0 || replies == 0 {
            return Ok(replies);
        }
        self.expire(to);
        Ok(replies + 1 + u32::from(appending))
    }

    fn expire(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(b"*3\r\n$6\r\nEXPIRE\r\n");
        bulk(to, &self.name);
        bulk(to, itoa::Buffer::new().format(self.ttl).as_bytes());
    }

    fn delete(&mut self, to: &mut Vec<u8>, i: usize) -> Made<u32> {
        match &self.bound {
            Bound::List => return Ok(0),
            Bound::Set => self.member(to, i, b"*3\r\n$4\r\nSREM\r\n")?,
            Bound::Scores(_) => self.member(to, i, b"*3\r\n$4\r\nZREM\r\n")?,
            Bound::Entry { before, .. } => {
                let there = self.before.is_some_and(|row| row.is_valid(i));
                let fields: &[Field<'_>] = if there { before } else { &[] };
                let (present, _) = Rows::look(&mut self.states, fields, self.placeholder, i)?;
                entry(to, &mut self.scratch, &self.name, fields, &self.states, present, Some(b"d"), i)?;
            }
            _ => {
                to.extend_from_slice(b"*2\r\n$3\r\nDEL\r\n");
                bulk(to, &self.name);
            }
        }
        Ok(1)
    }

    fn member(&mut self, to: &mut Vec<u8>, i: usize, command: &[u8]) -> Made<()> {
        self.make_member(i)?;
        to.extend_from_slice(command);
        bulk(to, &self.name);
        bulk(to, &self.scratch);
        Ok(())
    }

    fn upsert(&mut self, to: &mut Vec<u8>, i: usize, op: Option<&[u8]>) -> Made<u32> {
        match &self.bound {
            Bound::Tombstones => return Err(Twin),
            Bound::Hash(_) => return self.hash(to, i),
            Bound::Text(form) => {
                let column = self.row.filter(|row| row.is_valid(i)).ok_or(Twin)?;
                to.extend_from_slice(b"*3\r\n$3\r\nSET\r\n");
                bulk(to, &self.name);
                value(to, &mut self.scratch, form, column, i)?;
            }
            Bound::Document { .. } => self.document(to, i)?,
            Bound::Entry { after, .. } => {
                let (present, _) = Rows::look(&mut self.states, after, self.placeholder, i)?;
                entry(to, &mut self.scratch, &self.name, after, &self.states, present, op, i)?;
            }
            Bound::List => self.member(to, i, b"*3\r\n$5\r\nRPUSH\r\n")?,
            Bound::Set => self.member(to, i, b"*3\r\n$4\r\nSADD\r\n")?,
            Bound::Scores(form) => {
                let column = self.row.filter(|row| row.is_valid(i)).ok_or(Twin)?;
                to.extend_from_slice(b"*4\r\n$4\r\nZADD\r\n");
                bulk(to, &self.name);
                value(to, &mut self.scratch, form, column, i)?;
                self.make_member(i)?;
                bulk(to, &self.scratch);
            }
        }
        Ok(1)
    }

    fn hash(&mut self, to: &mut Vec<u8>, i: usize) -> Made<u32> {
        let Bound::Hash(fields) = &self.bound else { return Err(Twin) };
        let (present, nulls) = Rows::look(&mut self.states, fields, self.placeholder, i)?;
        let mut replies = 0;
        if present > 0 {
            words(to, 2 + 2 * present);
            to.extend_from_slice(b"$4\r\nHSET\r\n");
            bulk(to, &self.name);
            pairs(to, &mut self.scratch, fields, &self.states, i)?;
            replies += 1;
        }
        if nulls > 0 {
            words(to, 2 + nulls);
            to.extend_from_slice(b"$4\r\nHDEL\r\n");
            bulk(to, &self.name);
            for (field, is) in fields.iter().zip(&self.states) {
                if *is == Is::Null {
                    to.extend_from_slice(&field.plan.name);
                }
            }
            replies += 1;
        }
        Ok(replies)
    }

    fn document(&mut self, to: &mut Vec<u8>, i: usize) -> Made<()> {
        let Bound::Document { module, fields } = &self.bound else { return Err(Twin) };
        let mut partial = false;
        self.scratch.clear();
        match fields {
            None => self.scratch.extend_from_slice(self.row.filter(|row| row.is_valid(i)).ok_or(Twin)?.bin(i)),
            Some(fields) => {
                Rows::look(&mut self.states, fields, self.placeholder, i)?;
                partial = self.states.contains(&Is::Unchanged);
                if partial && !module {
                    // It has to be completed by what is stored.
                    return Err(Twin);
                }
                self.scratch.push(b'{');
                for (field, is) in fields.iter().zip(&self.states).filter(|(_, is)| **is != Is::Unchanged) {
                    if self.scratch.len() > 1 {
                        self.scratch.push(b',');
                    }
                    self.scratch.extend_from_slice(&field.plan.name);
                    match (is, field.column, &field.plan.default) {
                        (Is::Present, Some(column), _) if field.plan.form.write(&mut self.scratch, column, i) => {}
                        (Is::Default, _, Some(default)) => self.scratch.extend_from_slice(default),
                        (Is::Null, ..) => self.scratch.extend_from_slice(b"null"),
                        _ => return Err(Twin),
                    }
                }
                self.scratch.push(b'}');
            }
        }
        if *module {
            to.extend_from_slice(if partial {
                b"*4\r\n$10\r\nJSON.MERGE\r\n".as_slice()
            } else {
                b"*4\r\n$8\r\nJSON.SET\r\n".as_slice()
            });
            bulk(to, &self.name);
            bulk(to, b"$");
        } else {
            to.extend_from_slice(b"*3\r\n$3\r\nSET\r\n");
            bulk(to, &self.name);
        }
        bulk(to, &self.scratch);
        Ok(())
    }
}

#[allow(clippy::too_many_arguments)]
fn entry(
    to: &mut Vec<u8>,
    scratch: &mut Vec<u8>,
    name: &[u8],
    fields: &[Field<'_>],
    states: &[Is],
    present: usize,
    op: Option<&[u8]>,
    i: usize,
) -> Made<()> {
    let count = 2 * present + if op.is_some() { 2 } else { 0 };
    if count == 0 || count > LONGEST_ENTRY {
        return Err(Twin);
    }
    words(to, 3 + count);
    to.extend_from_slice(b"$4\r\nXADD\r\n");
    bulk(to, name);
    to.extend_from_slice(b"$1\r\n*\r\n");
    if let Some(op) = op {
        to.extend_from_slice(b"$4\r\n__op\r\n");
        bulk(to, op);
    }
    pairs(to, scratch, fields, states, i)
}

/// Name and value of the fields that are there.
fn pairs(to: &mut Vec<u8>, scratch: &mut Vec<u8>, fields: &[Field<'_>], states: &[Is], i: usize) -> Made<()> {
    for (field, is) in fields.iter().zip(states) {
        match (is, field.column, &field.plan.default) {
            (Is::Present, Some(column), _) => {
                to.extend_from_slice(&field.plan.name);
                value(to, scratch, &field.plan.form, column, i)?;
            }
            (Is::Default, _, Some(default)) => {
                to.extend_from_slice(&field.plan.name);
                bulk(to, default);
            }
            _ => {}
        }
    }
    Ok(())
}

#[inline]
fn value(to: &mut Vec<u8>, scratch: &mut Vec<u8>, form: &Form, column: &Column, i: usize) -> Made<()> {
    if form.is_raw() {
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
