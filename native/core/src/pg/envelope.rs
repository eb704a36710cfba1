//! The change event's value: before, after, source, transaction, op, the time it was made at. Source: the Python `cdc.envelope`.

use std::sync::Arc;

use super::places::{Context, Event, Operation};
use crate::builders::{Bins, Ints};
use crate::column::{Column, Data, Scalar};
use crate::error::{Declined, Result};
use crate::ops;
use crate::spread::Spread;

/// When records are made, in three units; one reading for all of a batch.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clock {
    pub ms: i64,
    pub us: i64,
    pub ns: i64,
}

impl Clock {
    pub fn at(ns: i64) -> Self {
        Clock { ms: ns.div_euclid(1_000_000), us: ns.div_euclid(1000), ns }
    }
}

/// What the source block says of every row of a table.
#[derive(Debug, Clone)]
pub struct Source {
    pub version: Arc<[u8]>,
    pub connector: Arc<[u8]>,
    pub server: Arc<[u8]>,
    pub database: Arc<[u8]>,
    pub schema: Arc<[u8]>,
    pub table: Arc<[u8]>,
}

/// The rows a source column is made for. `places`: the rows of the events, None when every row is one.
pub struct SourceRows<'a> {
    pub events: &'a [Event],
    pub contexts: &'a [Context],
    pub places: Option<&'a Spread>,
    pub rows: usize,
}

impl SourceRows<'_> {
    /// The rows that are events', None for all.
    fn mask(&self) -> Option<Vec<bool>> {
        self.places.map(|places| places.mask().to_vec())
    }

    fn constant(&self, value: Scalar) -> Arc<Column> {
        let mut made = Column::constant(self.rows, value);
        made.valid = self.mask();
        Arc::new(made)
    }

    fn text(&self, value: &Arc<[u8]>) -> Arc<Column> {
        self.constant(Scalar::Bin(value.clone()))
    }

    fn null(&self) -> Arc<Column> {
        Arc::new(Column::null(self.rows))
    }

    fn placed(&self, column: Column) -> Result<Arc<Column>> {
        match self.places {
            Some(places) => places.column(column),
            None => Ok(column),
        }
        .map(Arc::new)
    }

    fn context(&self, event: &Event) -> Result<&Context> {
        self.contexts.get(event.context as usize).ok_or(Declined::Malformed("an event without its transaction"))
    }

    /// Of all events, where it is the same.
    fn only_context(&self) -> Option<&Context> {
        let first = self.events.first()?.context;
        let last = self.events.last()?.context;
        // Contexts rise.
        (first == last).then(|| self.contexts.get(first as usize)).flatten()
    }

    /// A number of each event's transaction.
    fn number(&self, of: impl Fn(&Context) -> Option<i64>) -> Result<Arc<Column>> {
        if let Some(context) = self.only_context() {
            return Ok(of(context).map_or_else(|| self.null(), |value| self.constant(Scalar::Int(value))));
        }
        let mut ints = Ints::with_capacity(self.events.len());
        let (mut known, mut value) = (None, None);
        for event in self.events {
            if known != Some(event.context) {
                (known, value) = (Some(event.context), of(self.context(event)?));
            }
            match value {
                Some(value) => ints.push(value),
                None => ints.push_null(),
            }
        }
        self.placed(ints.finish())
    }

    /// What was done, as the envelope has it.
    pub fn operations(&self) -> Result<Arc<Column>> {
        let first = self.events.first().map_or(Operation::Insert, |event| event.operation);
        if self.events.iter().all(|event| event.operation == first) {
            return Ok(self.constant(Scalar::Bin(first.code().into())));
        }
        let mut bins = Bins::with_capacity(self.events.len(), self.events.len());
        for event in self.events {
            bins.push(event.operation.code())?;
        }
        self.placed(bins.finish())
    }

    /// The values of the records, null where a row is no event's.
    pub fn value(
        &self,
        before: Column,
        after: Column,
        source: Column,
        op: Arc<Column>,
        clock: Clock,
    ) -> Result<Column> {
        let time = |value: i64| self.constant(Scalar::Int(value));
        let (before, after, source) = (Arc::new(before), Arc::new(after), Arc::new(source));
        let times = [time(clock.ms), time(clock.us), time(clock.ns)];
        let fields = [before, after, source, self.null(), op].into_iter().chain(times).collect();
        ops::structure(self.rows, fields, self.mask())
    }

    fn origin(&self) -> Result<Arc<Column>> {
        if let Some(context) = self.only_context() {
            return Ok(context.origin.as_ref().map_or_else(|| self.null(), |name| self.text(name)));
        }
        let mut bins = Bins::with_capacity(self.events.len(), 0);
        for event in self.events {
            match &self.context(event)?.origin {
                Some(name) => bins.push(name)?,
                None => bins.push_null(),
            }
        }
        self.placed(bins.finish())
    }

    /// `["commit","lsn"]`: the end of the transaction before, and the event's position.
    fn sequence(&self) -> Result<Arc<Column>> {
        let mut bins = Bins::with_capacity(self.events.len(), self.events.len() * 32);
        let (mut context, mut prefix) = (None, Vec::new());
        let mut number = itoa::Buffer::new();
        for event in self.events {
            if context != Some(event.context) {
                context = Some(event.context);
                prefix.clear();
                match self.context(event)?.commit_seen {
                    Some(lsn) => {
                        prefix.extend_from_slice(b"[\"");
                        prefix.extend_from_slice(number.format(lsn).as_bytes());
                        prefix.extend_from_slice(b"\",\"");
                    }
                    None => prefix.extend_from_slice(b"[null,\""),
                }
            }
            let to = bins.open();
            to.extend_from_slice(&prefix);
            to.extend_from_slice(number.format(event.lsn).as_bytes());
            to.extend_from_slice(b"\"]");
            bins.end()?;
        }
        self.placed(bins.finish())
    }

    fn lsn(&self) -> Result<Arc<Column>> {
        let values = self.events.iter().map(|event| signed(event.lsn)).collect::<Result<Vec<_>>>()?;
        self.placed(Column::new(values.len(), Data::Int(values)))
    }
}

/// A position as a column holds it.
pub fn signed(lsn: u64) -> Result<i64> {
    i64::try_from(lsn).map_err(|_| Declined::Value("a position beyond 63 bits"))
}

impl Source {
    /// The source blocks, null where a row is no event's.
    pub fn column(&self, rows: &SourceRows<'_>) -> Result<Column> {
        let times = |per_us: i64, ns: bool| {
            rows.number(move |context| {
                Some(if ns { context.commit_us.wrapping_mul(1000) } else { context.commit_us.div_euclid(per_us) })
            })
        };
        let origin_lsn = |context: &Context| context.origin_lsn.and_then(|lsn| i64::try_from(lsn).ok());
        let fields = vec![
            rows.text(&self.version),
            rows.text(&self.connector),
            rows.text(&self.server),
            times(1000, false)?,
            // snapshot: unset means its schema's default, "false".
            rows.null(),
            rows.text(&self.database),
            rows.sequence()?,
            times(1, false)?,
            times(1, true)?,
            rows.text(&self.schema),
            rows.text(&self.table),
            rows.number(|context| context.xid.map(i64::from))?,
            rows.lsn()?,
            // xmin: a stream that tells of it is read by the twin.
            rows.null(),
            rows.origin()?,
            rows.number(origin_lsn)?,
        ];
        ops::structure(rows.rows, fields, rows.mask())
    }
}
