//! Stream: pgoutput messages of a replication connection to columns, and where the stream stands.
//!
//! The rows of known tables, BEGIN, COMMIT and keepalives are done here; at anything else the stream stops in front of the message, and
//! the Python decoder, which is the definition, does it. `State` goes over to it and comes back.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::binary::Wire;
use super::change_rows::{add_rows, Made};
use super::changes::{Changes, TableBlock};
use super::envelope::{signed, Clock, Source};
use super::frames::{head, Head};
use super::places::{Carried, Context, Event, Operation, Places};
use super::row::RowPlan;
use super::stream_state::{Counts, Open, Route, Rules, State, Stop};
use super::temporal::PG_EPOCH_US;
use super::tuple::{u32_at, u64_at};
use super::unread::Unread;
use crate::error::{Declined, Result};

/// Offsets in a payload: XLogData's position, the message, a row message's relation.
const POSITION: usize = 1;
pub(super) const MESSAGE: usize = 25;
pub(super) const RELATION: usize = 26;
/// So many transactions are remembered for who asks.
const BEGUN: usize = 1024;
/// A table whose rows are the twin's so often rests: they all are, for so many runs.
const REST: u32 = 16;

#[derive(Debug)]
pub struct Stream {
    rules: Rules,
    pub(super) routes: HashMap<u32, Route>,
    /// The binary forms of each relation's values; empty while all come as texts.
    pub(super) wires: HashMap<u32, Vec<Wire>>,
    /// The relation found last.
    last: (u32, Route),
    /// By number; None for one that was dropped.
    pub(super) tables: Vec<Option<Changes>>,
    pub state: State,
    pub counts: Counts,
    pub places: Places,
    pub(super) unread: Unread,
    /// Grows whenever what events share changes.
    pub context_version: u64,
    /// The transactions that came last, until somebody takes them; None while nobody wants them.
    pub begun: Option<VecDeque<u32>>,
}

/// What became of a message.
enum Step {
    Done,
    Twin,
}

impl Stream {
    pub fn new(rules: Rules, state: State, context: Context) -> Self {
        let places = Places { contexts: vec![context], ..Places::default() };
        Stream {
            rules,
            routes: HashMap::new(),
            wires: HashMap::new(),
            last: (0, Route::Twin),
            tables: Vec::new(),
            state,
            counts: Counts::default(),
            places,
            unread: Unread::default(),
            context_version: 0,
            begun: None,
        }
    }

    /// A table whose rows are done here; answers its number.
    pub fn add_table(&mut self, plan: Arc<RowPlan>, source: Source) -> usize {
        let made = Some(Changes::of(plan, source));
        if let Some((number, free)) = self.tables.iter_mut().enumerate().find(|(_, table)| table.is_none()) {
            *free = made;
            return number;
        }
        self.tables.push(made);
        self.tables.len() - 1
    }

    /// Forget a table: its number is another's from now on. Declined while it has rows or a relation's rows go there.
    pub fn drop_table(&mut self, number: usize) -> Result<()> {
        let used = self.routes.values().any(|route| *route == Route::Table(number));
        match self.tables.get_mut(number) {
            Some(table) if !used && table.as_ref().map_or(true, Changes::is_empty) => *table = None,
            _ => return Err(Declined::Value("a table that is in use")),
        }
        Ok(())
    }

    /// From now on the rows of a relation go there. `wires`: how their binary values come; None where all come as texts.
    pub fn route(&mut self, relation: u32, route: Route, wires: Option<Vec<Wire>>) {
        self.routes.insert(relation, route);
        match wires {
            Some(wires) => drop(self.wires.insert(relation, wires)),
            None => drop(self.wires.remove(&relation)),
        }
        self.last = (relation, route);
    }

    fn table(&mut self, number: usize) -> Option<&mut Changes> {
        self.tables.get_mut(number).and_then(Option::as_mut)
    }

    /// How many records there are.
    pub fn records(&self) -> usize {
        self.places.records.len()
    }

    /// Do what is whole of the chunk and what was kept before it, until there are `limit` records. The same chunk is given until it is
    /// drained.
    pub fn run(&mut self, chunk: &[u8], limit: usize) -> Stop {
        while !self.unread.rest.is_empty() {
            self.unread.complete(chunk);
            let kept = std::mem::take(&mut self.unread.rest);
            let (done, stop) = self.messages(&kept, limit);
            if done == 0 {
                self.unread.rest = kept;
                return stop;
            }
            // One message is kept at most.
            self.unread.empty(kept);
            if stop == Stop::Full {
                return stop;
            }
        }
        let (done, stop) = self.messages(self.unread.of(chunk), limit);
        self.unread.pass(done);
        if stop == Stop::Drained {
            self.unread.keep(chunk);
        }
        stop
    }

    /// The chunk is done but for the head of a message; the next one begins.
    pub fn next_chunk(&mut self, chunk: &[u8]) {
        self.unread.next_chunk(chunk);
    }

    /// The bytes that were not done, from a message that is no CopyData on; nothing is left.
    pub fn take_rest(&mut self, chunk: &[u8]) -> Vec<u8> {
        self.unread.take(chunk)
    }

    /// How many whole messages are left.
    pub fn pending(&self, chunk: &[u8]) -> usize {
        self.unread.pending(chunk)
    }

    /// Do whole messages at the head of `bytes`; answers how many bytes are done, and why it ends there.
    fn messages(&mut self, bytes: &[u8], limit: usize) -> (usize, Stop) {
        let mut at = 0;
        loop {
            if self.places.records.len() >= limit {
                return (at, Stop::Full);
            }
            match head(bytes.get(at..).unwrap_or(&[])) {
                Head::Copy(payload, size) => match self.message(payload) {
                    Ok(Step::Done) => at += size,
                    Ok(Step::Twin) | Err(_) => return (at, Stop::Twin),
                },
                Head::Short(_) | Head::Empty => return (at, Stop::Drained),
                Head::Foreign => return (at, Stop::Foreign),
            }
        }
    }

    #[inline]
    fn message(&mut self, payload: &[u8]) -> Result<Step> {
        match payload.first() {
            Some(b'w') => match payload.get(MESSAGE) {
                Some(b'I') => self.row(payload, Operation::Insert),
                Some(b'U') => self.row(payload, Operation::Update),
                Some(b'D') => self.row(payload, Operation::Delete),
                Some(b'B') => self.begin(payload),
                Some(b'C') => self.commit(payload),
                _ => Ok(Step::Twin),
            },
            Some(b'k') => {
                let end = u64_at(payload, 1)?;
                let reply = payload.get(17).ok_or(Declined::Malformed("a keepalive"))?;
                self.state.reached = self.state.reached.max(end);
                self.state.reply_wanted |= *reply != 0;
                Ok(Step::Done)
            }
            _ => Ok(Step::Twin),
        }
    }

    fn begin(&mut self, payload: &[u8]) -> Result<Step> {
        let final_lsn = u64_at(payload, MESSAGE + 1)?;
        let clock = u64_at(payload, MESSAGE + 9)? as i64;
        let xid = u32_at(payload, MESSAGE + 17)?;
        let skip_all = final_lsn < self.rules.done_before;
        let commit_us = clock.checked_add(PG_EPOCH_US).filter(|us| us.checked_mul(1000).is_some());
        let Some(commit_us) = commit_us.filter(|_| skip_all || self.rules.partly_done != Some(xid)) else {
            return Ok(Step::Twin);
        };
        if self.state.passive {
            return Ok(Step::Twin);
        }
        let state = &mut self.state;
        state.in_transaction = true;
        state.skip_all = skip_all;
        state.lsn = 0;
        state.events = 0;
        self.counts.last_commit_us = Some(commit_us);
        if let Some(begun) = &mut self.begun {
            if begun.len() >= BEGUN {
                begun.pop_front();
            }
            begun.push_back(xid);
        }
        let context = Context {
            xid: Some(xid),
            commit_us,
            previous_end: state.last_end,
            commit_seen: state.commit_seen,
            origin: None,
            origin_lsn: None,
        };
        self.enter_context(context)?;
        Ok(Step::Done)
    }

    /// The context of what comes now. One that nothing was made under is forgotten.
    fn enter_context(&mut self, context: Context) -> Result<()> {
        self.context_version += 1;
        let contexts = &mut self.places.contexts;
        u32::try_from(contexts.len()).map_err(|_| Declined::TooLarge)?;
        let used = self.places.events.last().is_some_and(|event| event.context as usize + 1 == contexts.len());
        match contexts.last_mut() {
            Some(last) if !used => *last = context,
            _ => contexts.push(context),
        }
        Ok(())
    }

    fn commit(&mut self, payload: &[u8]) -> Result<Step> {
        let end = u64_at(payload, MESSAGE + 10)?;
        u64_at(payload, MESSAGE + 18)?;
        if self.state.open == Open::Twin || self.state.passive {
            return Ok(Step::Twin);
        }
        if let Open::Event(event) = self.state.open {
            self.complete_event(event, end);
        }
        let state = &mut self.state;
        state.open = Open::None;
        state.in_transaction = false;
        state.skip_all = false;
        state.last_end = state.last_end.max(end);
        state.commit_seen = Some(end);
        self.counts.transactions += 1;
        self.counts.last_xid = self.places.contexts.last().and_then(|context| context.xid);
        Ok(Step::Done)
    }

    /// The event was the last of its transaction, which ends at `end`.
    pub fn complete_event(&mut self, event: u32, end: u64) {
        if let Some(event) = self.places.events.get_mut(event as usize) {
            event.done_at = end;
        }
    }

    fn row(&mut self, payload: &[u8], operation: Operation) -> Result<Step> {
        let lsn = u64_at(payload, POSITION)?;
        signed(lsn)?;
        let events =
            if lsn == self.state.lsn { self.state.events.checked_add(1).ok_or(Declined::TooLarge)? } else { 1 };
        if self.state.passive || !self.state.in_transaction {
            return Ok(Step::Twin);
        }
        if !self.state.skip_all {
            let relation = u32_at(payload, RELATION)?;
            if self.last.0 != relation {
                self.last = (relation, self.routes.get(&relation).copied().unwrap_or(Route::Twin));
            }
            let left_out = match operation {
                Operation::Insert => self.rules.skip_inserts,
                Operation::Update => self.rules.skip_updates,
                Operation::Delete => self.rules.skip_deletes,
            };
            let route = self.last.1;
            match route {
                Route::Twin => return Ok(Step::Twin),
                Route::Table(table) if self.table(table).is_some_and(Changes::rests) => return Ok(Step::Twin),
                Route::LeftOut => self.counts.filtered += 1,
                Route::Table(_) if left_out => self.counts.filtered += 1,
                Route::Table(table) => {
                    if matches!(self.change(table, payload, operation, lsn, events)?, Step::Twin) {
                        return Ok(Step::Twin);
                    }
                }
            }
        }
        self.state.lsn = lsn;
        self.state.events = events;
        Ok(Step::Done)
    }

    fn change(&mut self, table: usize, payload: &[u8], operation: Operation, lsn: u64, events: u32) -> Result<Step> {
        let changes =
            self.tables.get_mut(table).and_then(Option::as_mut).ok_or(Declined::Value("a table that is not there"))?;
        let (rows, old_rows) = (changes.new.len(), changes.old.len());
        let ordinal = u32::try_from(self.places.records.len()).map_err(|_| Declined::TooLarge)?;
        let event = u32::try_from(self.places.events.len()).map_err(|_| Declined::TooLarge)?;
        match add_rows(changes, payload, operation, self.rules.skip_unchanged) {
            Ok(Made::Change) => (),
            outcome => {
                changes.new.truncate(rows);
                changes.old.truncate(old_rows);
                if let Ok(Made::Nothing) = outcome {
                    self.counts.unchanged += 1;
                    return Ok(Step::Done);
                }
                changes.declined(REST);
                return Ok(Step::Twin);
            }
        }
        let context = self.places.contexts.len().saturating_sub(1) as u32;
        self.places.events.push(Event { context, events, lsn, done_at: 0, operation });
        let deleted = operation == Operation::Delete;
        if deleted && self.rules.tombstones {
            // A crash between the two records brings both again.
            self.places.records.push(self.state.carried);
        }
        self.state.carried = Carried::Event(event);
        self.state.open = Open::Event(event);
        self.places.records.push(self.state.carried);
        let (new, old) = (changes.new.len() > rows, changes.old.len() > old_rows);
        changes.enter(event, ordinal, new, old, deleted && self.rules.tombstones);
        match operation {
            Operation::Insert => self.counts.created += 1,
            Operation::Update => self.counts.updated += 1,
            Operation::Delete => self.counts.deleted += 1,
        }
        Ok(Step::Done)
    }

    /// What has come of all tables: their numbers and columns; and the places. The stream goes on with an empty batch, whose records can
    /// carry the offset given as number 0.
    pub fn take(&mut self, clock: Clock) -> Result<(Vec<(usize, TableBlock)>, Places)> {
        let mut blocks = Vec::new();
        for (number, table) in self.tables.iter_mut().enumerate() {
            let Some(table) = table else { continue };
            if !table.is_empty() {
                blocks.push((number, table.finish(&self.places.events, &self.places.contexts, clock)?));
            }
        }
        let context = self.places.contexts.last().cloned().unwrap_or_default();
        let next = Places { contexts: vec![context], ..Places::default() };
        self.state.open = Open::None;
        self.state.carried = Carried::Given(0);
        Ok((blocks, std::mem::replace(&mut self.places, next)))
    }

    /// Go on where the twin has come to. `context`: of what comes now, None for the one there was. Answers its number.
    pub fn resume(&mut self, state: State, context: Option<Context>) -> Result<usize> {
        self.state = state;
        if let Some(context) = context {
            self.enter_context(context)?;
        }
        Ok(self.places.contexts.len() - 1)
    }

    /// Enter the twin's records: the offset number of each.
    pub fn add_given(&mut self, numbers: impl Iterator<Item = u32>) {
        self.places.records.extend(numbers.map(Carried::Given));
    }
}

#[cfg(test)]
mod tests {
    use super::super::unread::ROOM;
    use super::*;

    fn keepalive(size: usize) -> Vec<u8> {
        let mut made = vec![b'd'];
        made.extend_from_slice(&(size as u32 + 4).to_be_bytes());
        made.push(b'k');
        made.resize(5 + size, 0);
        made
    }

    fn stream() -> Stream {
        Stream::new(Rules::default(), State::at(0, None), Context::default())
    }

    #[test]
    fn the_room_of_a_large_message_is_given_back() {
        let (mut stream, whole) = (stream(), keepalive(3 * ROOM));
        let (head, tail) = whole.split_at(whole.len() - 7);
        assert_eq!(stream.run(head, 1), Stop::Drained);
        stream.next_chunk(&[]);
        assert_eq!(stream.run(tail, 1), Stop::Drained);
        assert_eq!(stream.pending(tail), 0);
        assert!(stream.unread.rest.capacity() <= ROOM);
    }

    #[test]
    fn whole_messages_are_counted_wherever_they_are_cut() {
        let whole = [keepalive(18), keepalive(40), keepalive(18)].concat();
        for cut in 0..=whole.len() {
            let (head, tail) = whole.split_at(cut);
            for end in 0..=tail.len() {
                let (mut stream, tail) = (stream(), &tail[..end]);
                let done = stream.pending(head);
                assert_eq!(done, [23, 68, 91].iter().filter(|edge| **edge <= cut).count());
                stream.run(head, 1);
                stream.next_chunk(&[]);
                let all = [23, 68, 91].iter().filter(|edge| **edge <= cut + end).count();
                assert_eq!(stream.pending(tail), all - done, "{cut} {end}");
            }
        }
    }
}
