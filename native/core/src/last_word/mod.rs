//! The last word per key: the rows of a batch sorted into what is deleted, what is written, and what is written in part.
//!
//! A key's rows come in order, and only its last state matters: a row put away by a later delete is not written, a delete in front
//! of a row stays (columns that are not sent take their defaults then), and a row of which some values were not sent ("unchanged")
//! takes them from the key's earlier row of the same batch, or is written without them. With `keep_all` every row is written, and a
//! delete behind rows begins a new segment.

pub mod equality;
mod key_table;
pub mod row_view;

use std::collections::hash_map::RandomState;
use std::sync::Arc;

use crate::column::Column;
use crate::error::{Declined, Result};
use crate::last_word::key_table::KeyTable;
use crate::last_word::row_view::{RowRef, Rules, View};

/// No row was merged into this one.
pub const NOT_MERGED: u32 = u32::MAX;

/// A block's columns. `given`: the columns of a key that is made of neither key nor value.
#[derive(Debug, Clone)]
pub struct Part {
    pub rows: usize,
    pub key: Option<Arc<Column>>,
    pub value: Option<Arc<Column>>,
    pub given: Vec<Arc<Column>>,
}

/// A row to write. `merged`: where its fields come from, one by one (`Sorted::merges`), if not all from `at`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chosen {
    pub at: RowRef,
    pub merged: u32,
}

/// What to do, in this order: delete, write, write in part. `fresh`: rows to write of which the batch says that they were not there
/// before: their keys begin with a creation or a delete. `partial`: with the columns to be left alone, by `Mark::position`.
#[derive(Debug, Default)]
pub struct Segment {
    pub deletes: Vec<RowRef>,
    pub rows: Vec<Chosen>,
    pub fresh: Vec<Chosen>,
    pub partial: Vec<(Vec<u32>, Vec<Chosen>)>,
}

/// The result, with the columns it speaks of.
#[derive(Debug)]
pub struct Sorted {
    pub rules: Arc<Rules>,
    pub parts: Vec<Part>,
    pub segments: Vec<Segment>,
    pub merges: Vec<Vec<RowRef>>,
}

#[derive(Debug, Clone, Copy)]
enum State {
    None,
    Row(Chosen),
    /// With the index of the columns left out.
    Partial(Chosen, u32),
}

struct Entry {
    deleted: Option<RowRef>,
    /// With `keep_all`: the number of segments when it was deleted last.
    deleted_in: usize,
    fresh: bool,
    state: State,
}

/// Sort the rows of `parts`, which come one behind the other, or in the order of `ordinals`, one per row of each part.
pub fn sort(rules: Arc<Rules>, parts: Vec<Part>, ordinals: Option<&[Vec<i64>]>) -> Result<Sorted> {
    let total: usize = parts.iter().map(|part| part.rows).sum();
    u32::try_from(total).map_err(|_| Declined::TooLarge)?;
    let mut sorter = Sorter {
        rules: &rules,
        views: parts.iter().map(|part| View::of(&rules, part)).collect::<Result<_>>()?,
        table: KeyTable::new(total, RandomState::new()),
        entries: Vec::new(),
        segments: Vec::new(),
        merges: Vec::new(),
        left_out: Vec::new(),
    };
    match ordinals {
        None => {
            for (part, one) in parts.iter().enumerate() {
                for row in 0..one.rows {
                    sorter.row(RowRef { part: part as u32, row: row as u32 })?;
                }
            }
        }
        Some(ordinals) => {
            for at in merged_order(&parts, ordinals)? {
                sorter.row(at)?;
            }
        }
    }
    let (segments, merges) = sorter.finish();
    Ok(Sorted { rules, parts, segments, merges })
}

fn merged_order(parts: &[Part], ordinals: &[Vec<i64>]) -> Result<Vec<RowRef>> {
    if parts.len() != ordinals.len() || parts.iter().zip(ordinals).any(|(part, one)| part.rows != one.len()) {
        return Err(Declined::Malformed("ordinals that are not of these rows"));
    }
    let mut order: Vec<(i64, RowRef)> = Vec::new();
    for (part, one) in ordinals.iter().enumerate() {
        order.extend(one.iter().enumerate().map(|(row, &at)| (at, RowRef { part: part as u32, row: row as u32 })));
    }
    order.sort_by_key(|one| one.0);
    Ok(order.into_iter().map(|one| one.1).collect())
}

struct Sorter<'a> {
    rules: &'a Rules,
    views: Vec<View<'a>>,
    table: KeyTable,
    entries: Vec<Entry>,
    /// With `keep_all` they are built on the way, otherwise at the end.
    segments: Vec<Segment>,
    merges: Vec<Vec<RowRef>>,
    left_out: Vec<Vec<u32>>,
}

impl Sorter<'_> {
    fn row(&mut self, at: RowRef) -> Result<()> {
        let view = self.views.get(at.part as usize).ok_or(Declined::Malformed("a part that is not there"))?;
        match view.action(self.rules, at.row as usize)? {
            Action::Skip => Ok(()),
            Action::Delete => self.delete(at),
            Action::Create => self.write(at, true),
            Action::Write => self.write(at, false),
        }
    }

    fn entry(&mut self, at: RowRef, deleted: bool, fresh: bool) -> Result<usize> {
        let (index, new) = self.table.find_or_add(&self.views, at, deleted)?;
        if new {
            self.entries.push(Entry { deleted: None, deleted_in: 0, fresh, state: State::None });
        }
        Ok(index)
    }

    fn delete(&mut self, at: RowRef) -> Result<()> {
        if self.rules.keep_all {
            if self.segments.last().map_or(true, |last| !last.rows.is_empty()) {
                self.segments.push(Segment::default());
            }
            let count = self.segments.len();
            let index = self.entry(at, true, true)?;
            let (Some(entry), Some(segment)) = (self.entries.get_mut(index), self.segments.last_mut()) else {
                return Err(Declined::Malformed("no segment"));
            };
            if entry.deleted_in != count {
                entry.deleted_in = count;
                segment.deletes.push(at);
            }
            return Ok(());
        }
        let index = self.entry(at, true, true)?;
        if let Some(entry) = self.entries.get_mut(index) {
            entry.state = State::None;
            entry.deleted.get_or_insert(at);
        }
        Ok(())
    }

    fn write(&mut self, at: RowRef, fresh: bool) -> Result<()> {
        let view = self.views.get(at.part as usize).ok_or(Declined::Malformed("a part that is not there"))?;
        let left_out = view.unchanged(self.rules, at.row as usize)?;
        let chosen = Chosen { at, merged: NOT_MERGED };
        if self.rules.keep_all {
            if self.segments.is_empty() {
                self.segments.push(Segment::default());
            }
            let Some(segment) = self.segments.last_mut() else { return Err(Declined::Malformed("no segment")) };
            match left_out {
                None => segment.rows.push(chosen),
                Some(missing) => match segment.partial.iter_mut().find(|(known, _)| *known == missing) {
                    Some((_, rows)) => rows.push(chosen),
                    None => segment.partial.push((missing, vec![chosen])),
                },
            }
            return Ok(());
        }
        let index = self.entry(at, false, fresh)?;
        let state = self.entries.get(index).map_or(State::None, |entry| entry.state);
        let next = match (left_out, state) {
            (None, _) => State::Row(chosen),
            (Some(missing), State::Row(known)) => State::Row(self.merge(chosen, known, &missing)?),
            (Some(missing), State::None) => State::Partial(chosen, self.intern(missing)),
            (Some(missing), State::Partial(earlier, which)) => {
                let before = self.left_out.get(which as usize).cloned().unwrap_or_default();
                let (still, known): (Vec<u32>, Vec<u32>) = missing.iter().partition(|one| before.contains(one));
                State::Partial(self.merge(chosen, earlier, &known)?, self.intern(still))
            }
        };
        if let Some(entry) = self.entries.get_mut(index) {
            entry.state = next;
        }
        Ok(())
    }

    /// `row` with the fields of these marks taken from `known`.
    fn merge(&mut self, row: Chosen, known: Chosen, positions: &[u32]) -> Result<Chosen> {
        if positions.is_empty() {
            return Ok(row);
        }
        let mut sources = vec![row.at; self.rules.fields];
        for mark in self.rules.marks.iter().filter(|mark| positions.contains(&mark.position)) {
            let from = match self.merges.get(known.merged as usize) {
                Some(earlier) => earlier.get(mark.at).copied().unwrap_or(known.at),
                None => known.at,
            };
            *sources.get_mut(mark.at).ok_or(Declined::Malformed("a field that is not there"))? = from;
        }
        self.merges.push(sources);
        Ok(Chosen { at: row.at, merged: (self.merges.len() - 1) as u32 })
    }

    fn intern(&mut self, left_out: Vec<u32>) -> u32 {
        let found = self.left_out.iter().position(|one| *one == left_out);
        found.unwrap_or_else(|| {
            self.left_out.push(left_out);
            self.left_out.len() - 1
        }) as u32
    }

    fn finish(mut self) -> (Vec<Segment>, Vec<Vec<RowRef>>) {
        if !self.rules.keep_all {
            let mut segment = Segment {
                partial: self.left_out.drain(..).map(|left_out| (left_out, Vec::new())).collect(),
                ..Segment::default()
            };
            for entry in &self.entries {
                segment.deletes.extend(entry.deleted);
                match entry.state {
                    State::None => {}
                    State::Row(chosen) if entry.fresh => segment.fresh.push(chosen),
                    State::Row(chosen) => segment.rows.push(chosen),
                    State::Partial(chosen, which) => {
                        if let Some((_, rows)) = segment.partial.get_mut(which as usize) {
                            rows.push(chosen);
                        }
                    }
                }
            }
            segment.partial.retain(|(_, rows)| !rows.is_empty());
            self.segments.push(segment);
        }
        self.segments.retain(|one| {
            !(one.deletes.is_empty() && one.rows.is_empty() && one.fresh.is_empty() && one.partial.is_empty())
        });
        (self.segments, self.merges)
    }
}

/// What a row asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Skip,
    Delete,
    /// Write a row that was just made, or read for the first time.
    Create,
    Write,
}
