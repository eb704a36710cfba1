//! Stream: pgoutput messages of a replication connection to columns, and where the stream stands.
//!
//! The rows of known tables, BEGIN, COMMIT and keepalives are done here; at anything else the stream stops in front of the message, and
//! the Python decoder, which is the definition, does it. `State` goes over to it and comes back.

use std::collections::HashMap;
use std::sync::Arc;

use super::changes::{Changes, TableBlock};
use super::envelope::{signed, Clock, Source};
use super::frames::{head, Head, HEAD};
use super::places::{Carried, Context, Event, Operation, Places};
use super::row::RowPlan;
use super::temporal::PG_EPOCH_US;
use super::tuple::{self, u32_at, u64_at};
use crate::error::{Declined, Result};

/// Offsets in a payload: XLogData's position, the message, a row message's relation, its first tuple's mark.
const POSITION: usize = 1;
const MESSAGE: usize = 25;
const RELATION: usize = 26;
const TUPLE: usize = 30;
/// Rows for the twin are handed over by so many messages at once, at most.
const RUN: usize = 512;
/// Room for the message that is kept is not held on to beyond so many bytes.
const ROOM: usize = 1 << 20;

/// Why the stream stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// All whole messages are done.
    Drained,
    /// The batch has as many records as it was to have.
    Full,
    /// The next message is the twin's.
    Twin,
    /// What comes next is no CopyData.
    Foreign,
}

/// What the rules say.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    pub tombstones: bool,
    pub skip_inserts: bool,
    pub skip_updates: bool,
    pub skip_deletes: bool,
    /// Leave out updates that change nothing that is shown.
    pub skip_unchanged: bool,
    /// Transactions that committed before it are done.
    pub done_before: u64,
    /// The transaction that is partly done.
    pub partly_done: Option<u32>,
}

/// Whose a relation's rows are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    LeftOut,
    Twin,
    Table(usize),
}

/// The change whose offset moves behind its transaction at the commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Open {
    None,
    Event(u32),
    /// The twin's: it does the commit, too.
    Twin,
}

/// Where the stream stands.
#[derive(Debug, Clone)]
pub struct State {
    pub in_transaction: bool,
    /// All of the transaction is done already.
    pub skip_all: bool,
    /// Transactions are the twin's for now, with all their rows.
    pub passive: bool,
    pub lsn: u64,
    pub events: u32,
    pub last_end: u64,
    pub commit_seen: Option<u64>,
    pub reached: u64,
    pub reply_wanted: bool,
    pub open: Open,
    /// Of the last record.
    pub carried: Carried,
}

/// What was counted since it was last asked.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    pub created: u64,
    pub updated: u64,
    pub deleted: u64,
    pub filtered: u64,
    pub unchanged: u64,
    pub transactions: u64,
    pub last_xid: Option<u32>,
    pub last_commit_us: Option<i64>,
}

#[derive(Debug)]
pub struct Stream {
    rules: Rules,
    routes: HashMap<u32, Route>,
    /// The relation found last.
    last: (u32, Route),
    tables: Vec<Changes>,
    pub state: State,
    pub counts: Counts,
    pub places: Places,
    /// The head of a message whose rest is still to come.
    rest: Vec<u8>,
    /// How far the present chunk is done.
    at: usize,
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
            last: (0, Route::Twin),
            tables: Vec::new(),
            state,
            counts: Counts::default(),
            places,
            rest: Vec::new(),
            at: 0,
        }
    }

    /// A table whose rows are done here; answers its number.
    pub fn add_table(&mut self, plan: Arc<RowPlan>, source: Source) -> usize {
        self.tables.push(Changes::of(plan, source));
        self.tables.len() - 1
    }

    /// From now on the rows of a relation go there.
    pub fn route(&mut self, relation: u32, route: Route) {
        self.routes.insert(relation, route);
        self.last = (relation, route);
    }

    /// How many records there are.
    pub fn records(&self) -> usize {
        self.places.records.len()
    }

    /// Do what is whole of the chunk and what was kept before it, until there are `limit` records. The same chunk is given until it is
    /// drained.
    pub fn run(&mut self, chunk: &[u8], limit: usize) -> Stop {
        loop {
            if !self.rest.is_empty() {
                self.complete(chunk);
                let mut kept = std::mem::take(&mut self.rest);
                let (done, stop) = self.messages(&kept, limit);
                if done == 0 {
                    self.rest = kept;
                    return stop;
                }
                // One message is kept at most; its room is used again, unless the message was one of the few large ones.
                kept.clear();
                if kept.capacity() <= ROOM {
                    self.rest = kept;
                }
                if stop == Stop::Full {
                    return stop;
                }
                continue;
            }
            let (done, stop) = self.messages(chunk.get(self.at..).unwrap_or(&[]), limit);
            self.at += done;
            if stop == Stop::Drained {
                self.rest.extend_from_slice(chunk.get(self.at..).unwrap_or(&[]));
                self.at = chunk.len();
            }
            return stop;
        }
    }

    /// The chunk is done but for the head of a message; the next one begins.
    pub fn next_chunk(&mut self, chunk: &[u8]) {
        self.rest.extend_from_slice(chunk.get(self.at..).unwrap_or(&[]));
        self.at = 0;
    }

    /// Give the message that is kept what it lacks.
    fn complete(&mut self, chunk: &[u8]) {
        while let Head::Short(missing) = head(&self.rest) {
            let more = chunk.get(self.at..).unwrap_or(&[]);
            if more.is_empty() {
                return;
            }
            let part = more.get(..missing).unwrap_or(more);
            self.rest.extend_from_slice(part);
            self.at += part.len();
        }
    }

    /// The bytes that were not done, from a message that is no CopyData on; nothing is left.
    pub fn take_rest(&mut self, chunk: &[u8]) -> Vec<u8> {
        let mut rest = std::mem::take(&mut self.rest);
        rest.extend_from_slice(chunk.get(self.at..).unwrap_or(&[]));
        self.at = chunk.len();
        rest
    }

    /// How many whole messages are left.
    pub fn pending(&self, chunk: &[u8]) -> usize {
        let (mut count, mut at) = (0, self.at);
        // Only the head of what is kept is looked at: the message may be large, and this is asked with each chunk of it.
        let mut first = self.rest.get(..HEAD).unwrap_or(&self.rest).to_vec();
        let of_body = self.rest.len() - first.len();
        while let Head::Short(missing) = head(&first) {
            if first.len() < HEAD {
                let Some(part) = chunk.get(at..at.saturating_add(missing)) else { return 0 };
                first.extend_from_slice(part);
                at += missing;
                continue;
            }
            at = at.saturating_add(missing.saturating_sub(of_body));
            if at > chunk.len() {
                return 0;
            }
            break;
        }
        if !first.is_empty() {
            count += 1;
        }
        loop {
            match head(chunk.get(at..).unwrap_or(&[])) {
                Head::Copy(_, size) => (count, at) = (count + 1, at + size),
                Head::Foreign => return count + 1,
                Head::Short(_) | Head::Empty => return count,
            }
        }
    }

    /// The messages for the twin that come next: the one the stream stopped at, and those behind it that are the twin's as well, or
    /// count little. They are done for this stream.
    pub fn for_twin(&mut self, chunk: &[u8]) -> Vec<Vec<u8>> {
        if !self.rest.is_empty() {
            let kept = std::mem::take(&mut self.rest);
            return match head(&kept) {
                Head::Copy(payload, _) => vec![payload.to_vec()],
                _ => Vec::new(),
            };
        }
        let mut found = Vec::new();
        while found.len() < RUN {
            let Head::Copy(payload, size) = head(chunk.get(self.at..).unwrap_or(&[])) else { break };
            if !found.is_empty() && self.is_ours(payload) {
                break;
            }
            self.at += size;
            found.push(payload.to_vec());
            if is_relation(payload) {
                // It decides whose the rows behind it are.
                break;
            }
        }
        found
    }

    /// Whether the message should end a run for the twin: the row of a table that is done here.
    fn is_ours(&self, payload: &[u8]) -> bool {
        let row = matches!((payload.first(), payload.get(MESSAGE)), (Some(b'w'), Some(b'I' | b'U' | b'D')));
        row && !self.state.passive
            && u32_at(payload, RELATION)
                .is_ok_and(|relation| !matches!(self.routes.get(&relation), None | Some(Route::Twin)))
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
            match self.last.1 {
                Route::Twin => return Ok(Step::Twin),
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
        let changes = self.tables.get_mut(table).ok_or(Declined::Value("a table that is not there"))?;
        let (rows, old_rows) = (changes.new.len(), changes.old.len());
        let ordinal = u32::try_from(self.places.records.len()).map_err(|_| Declined::TooLarge)?;
        let event = u32::try_from(self.places.events.len()).map_err(|_| Declined::TooLarge)?;
        match add_rows(changes, payload, operation, self.rules.skip_unchanged) {
            Ok(Made::Change) => (),
            outcome => {
                changes.new.truncate(rows);
                changes.old.truncate(old_rows);
                return match outcome? {
                    Made::Nothing => {
                        self.counts.unchanged += 1;
                        Ok(Step::Done)
                    }
                    _ => Ok(Step::Twin),
                };
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

/// What came of a row message.
enum Made {
    Change,
    /// An update that changed nothing that is shown.
    Nothing,
    Twin,
}

fn is_relation(payload: &[u8]) -> bool {
    payload.first() == Some(&b'w') && payload.get(MESSAGE) == Some(&b'R')
}

/// Add the rows of a change to its table. Unless it answers `Change`, they have to be taken back.
fn add_rows(changes: &mut Changes, payload: &[u8], operation: Operation, skip_unchanged: bool) -> Result<Made> {
    const CUT: Declined = Declined::Malformed("a row message that is cut short");
    let plan = changes.plan.clone();
    let mark = *payload.get(TUPLE).ok_or(CUT)?;
    let body = payload.get(TUPLE + 1..).ok_or(CUT)?;
    match (operation, mark) {
        (Operation::Insert | Operation::Update, b'N') => {
            tuple::add(&plan, body, false, &mut changes.new)?;
            Ok(Made::Change)
        }
        (Operation::Update, b'O' | b'K') => {
            let full = mark == b'O';
            let (old, rest) = tuple::split(&plan, body)?;
            let Some((b'N', rest)) = rest.split_first() else { return Err(CUT) };
            let (mut new, _) = tuple::split(&plan, rest)?;
            tuple::add_cells(&plan, &old, !full, &mut changes.old)?;
            if full {
                tuple::fill(&plan, &mut new, &old)?;
                if skip_unchanged && tuple::same(&plan, 0..plan.value_count, &old, &new, false)? {
                    tuple::add_cells(&plan, &new, false, &mut changes.new)?;
                    return Ok(Made::Nothing);
                }
            } else {
                // Only looked at: such a record has no before.
                changes.old.truncate(changes.old.len().saturating_sub(1));
            }
            tuple::add_cells(&plan, &new, false, &mut changes.new)?;
            let key = plan.key.as_ref().filter(|key| key.in_identity);
            match key {
                Some(key) if !tuple::same(&plan, key.slots.iter().copied(), &old, &new, !full)? => Ok(Made::Twin),
                _ => Ok(Made::Change),
            }
        }
        (Operation::Delete, b'O' | b'K') => {
            if plan.key.as_ref().is_some_and(|key| !key.in_identity) {
                return Ok(Made::Twin);
            }
            tuple::add(&plan, body, mark == b'K', &mut changes.old)?;
            Ok(Made::Change)
        }
        _ => Ok(Made::Twin),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keepalive(size: usize) -> Vec<u8> {
        let mut made = vec![b'd'];
        made.extend_from_slice(&(size as u32 + 4).to_be_bytes());
        made.push(b'k');
        made.resize(5 + size, 0);
        made
    }

    fn stream() -> Stream {
        let state = State {
            in_transaction: false,
            skip_all: false,
            passive: false,
            lsn: 0,
            events: 0,
            last_end: 0,
            commit_seen: None,
            reached: 0,
            reply_wanted: false,
            open: Open::None,
            carried: Carried::Given(0),
        };
        Stream::new(Rules::default(), state, Context::default())
    }

    #[test]
    fn the_room_of_a_large_message_is_given_back() {
        let (mut stream, whole) = (stream(), keepalive(3 * ROOM));
        let (head, tail) = whole.split_at(whole.len() - 7);
        assert_eq!(stream.run(head, 1), Stop::Drained);
        stream.next_chunk(&[]);
        assert_eq!(stream.run(tail, 1), Stop::Drained);
        assert_eq!(stream.pending(tail), 0);
        assert!(stream.rest.capacity() <= ROOM);
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
