//! Changes: the changed rows of one table, and the change events' columns made of them.

use std::sync::Arc;

use super::envelope::{Clock, Source, SourceRows};
use super::places::{Context, Event};
use super::row::{RowPlan, Rows};
use crate::column::{Column, Scalar};
use crate::error::{Declined, Result};
use crate::ops;
use crate::spread::{interleave, Spread};

/// One change: its number in the batch, its (first) record's, and which rows it has.
#[derive(Debug, Clone, Copy)]
struct Change {
    event: u32,
    ordinal: u32,
    new: bool,
    old: bool,
    tombstone: bool,
}

/// What has come of one table since the last `finish`.
#[derive(Debug)]
pub struct Changes {
    pub plan: Arc<RowPlan>,
    pub source: Source,
    pub new: Rows,
    pub old: Rows,
    changes: Vec<Change>,
    tombstones: usize,
    /// Rows that were the twin's, eightfold, less those that were not; and for how many runs all are.
    strikes: u32,
    resting: u32,
}

/// So many rows in a row are the twin's before a table rests, or every ninth is for long.
const STRIKES: u32 = 8 * 32;

/// The records of one table: columns of as many rows as there are ordinals. `key`: None for a table without.
pub struct TableBlock {
    pub key: Option<Column>,
    pub value: Column,
    pub ordinals: Vec<u32>,
}

impl Changes {
    pub fn of(plan: Arc<RowPlan>, source: Source) -> Self {
        let (new, old) = (Rows::of(&plan), Rows::of(&plan));
        Changes { plan, source, new, old, changes: Vec::new(), tombstones: 0, strikes: 0, resting: 0 }
    }

    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// A row is the twin's. A table where many are rests for so many runs: to go over to the twin and back costs more than a row.
    pub fn declined(&mut self, runs: u32) {
        self.strikes += 8;
        if self.strikes >= STRIKES {
            (self.strikes, self.resting) = (0, runs);
        }
    }

    /// Whether all rows are the twin's for now; counted as one run.
    pub fn rests(&mut self) -> bool {
        let resting = self.is_resting();
        self.resting = self.resting.saturating_sub(1);
        resting
    }

    pub fn is_resting(&self) -> bool {
        self.resting > 0
    }

    /// Enter a change whose rows were added. `ordinal`: of its first record; a tombstone's is the next one.
    pub fn enter(&mut self, event: u32, ordinal: u32, new: bool, old: bool, tombstone: bool) {
        self.strikes = self.strikes.saturating_sub(1);
        self.changes.push(Change { event, ordinal, new, old, tombstone });
        self.tombstones += usize::from(tombstone);
    }

    /// The columns of all changes entered, of which there are some; nothing is left. `events`, `contexts`: of the batch.
    pub fn finish(&mut self, events: &[Event], contexts: &[Context], clock: Clock) -> Result<TableBlock> {
        let changes = std::mem::take(&mut self.changes);
        let rows = changes.len() + std::mem::take(&mut self.tombstones);
        u32::try_from(rows).map_err(|_| Declined::TooLarge)?;
        let new = self.new.take(&self.plan);
        let old = self.old.take(&self.plan);
        let layout = Lines::of(&changes, rows);
        let key = self.key(&layout, &new, &old, rows)?;
        let count = self.plan.value_count;
        let before = row_struct(old, count, &layout.old, rows)?;
        let after = row_struct(new, count, &layout.new, rows)?;
        let made: Vec<Event> = changes
            .iter()
            .map(|change| events.get(change.event as usize).copied().ok_or(Declined::Malformed("an event")))
            .collect::<Result<_>>()?;
        let places = if rows > changes.len() { Some(Spread::new(&layout.events, rows)?) } else { None };
        let shown = SourceRows { events: &made, contexts, places: places.as_ref(), rows };
        let source = self.source.column(&shown)?;
        let op = shown.operations()?;
        let value = shown.value(before, after, source, op, clock)?;
        Ok(TableBlock { key, value, ordinals: layout.ordinals })
    }

    fn key(&self, layout: &Lines, new: &[Arc<Column>], old: &[Arc<Column>], rows: usize) -> Result<Option<Column>> {
        let Some(key) = &self.plan.key else { return Ok(None) };
        let mut fields = Vec::with_capacity(key.slots.len() + 1);
        for &slot in &key.slots {
            let (Some(new), Some(old)) = (new.get(slot), old.get(slot)) else {
                return Err(Declined::Malformed("a key without its column"));
            };
            fields.push(match &layout.keys {
                None => new.clone(),
                Some(keys) => {
                    if let Some(made) = interleave(new, old, keys) {
                        fields.push(Arc::new(made));
                        continue;
                    }
                    let mut out = match self.plan.outputs.get(slot) {
                        Some(output) => output.op.out(),
                        None => return Err(Declined::Malformed("a key without its output")),
                    };
                    for &(from_old, row) in keys {
                        out.copy(if from_old { old } else { new }, row as usize)?;
                    }
                    Arc::new(out.finish())
                }
            });
        }
        if let Some(added) = &key.added {
            fields.push(Arc::new(Column::constant(rows, Scalar::Bin(added.clone()))));
        }
        ops::structure(rows, fields, None).map(Some)
    }
}

/// Which row of the block everything stands in.
struct Lines {
    ordinals: Vec<u32>,
    /// Of the changes, the new rows, the old rows.
    events: Vec<u32>,
    new: Vec<u32>,
    old: Vec<u32>,
    /// Where the key of each row is: in the old rows or the new ones, and in which. None: row by row as the new rows.
    keys: Option<Vec<(bool, u32)>>,
}

impl Lines {
    fn of(changes: &[Change], rows: usize) -> Self {
        let plain = rows == changes.len() && changes.iter().all(|change| change.new);
        let mut lines = Lines {
            ordinals: Vec::with_capacity(rows),
            events: Vec::with_capacity(changes.len()),
            new: Vec::with_capacity(changes.len()),
            old: Vec::new(),
            keys: (!plain).then(|| Vec::with_capacity(rows)),
        };
        let mut row = 0;
        for change in changes {
            let place = if change.new { (false, lines.new.len() as u32) } else { (true, lines.old.len() as u32) };
            lines.events.push(row);
            if change.new {
                lines.new.push(row);
            }
            if change.old {
                lines.old.push(row);
            }
            for record in 0..=u32::from(change.tombstone) {
                lines.ordinals.push(change.ordinal + record);
                if let Some(keys) = &mut lines.keys {
                    keys.push(place);
                }
                row += 1;
            }
        }
        lines
    }
}

fn row_struct(columns: Vec<Arc<Column>>, count: usize, places: &[u32], rows: usize) -> Result<Column> {
    if places.is_empty() {
        return Ok(Column::null(rows));
    }
    let fields = columns.into_iter().take(count).collect();
    Spread::new(places, rows)?.column(ops::structure(places.len(), fields, None)?)
}
