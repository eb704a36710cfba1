//! What a stream is told, where it stands, what it counts.

use super::places::Carried;

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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
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

impl State {
    /// A stream that begins at `start`; `commit_seen`: the end of the transaction committed before, None before any.
    pub fn at(start: u64, commit_seen: Option<u64>) -> Self {
        State {
            in_transaction: false,
            skip_all: false,
            passive: false,
            lsn: 0,
            events: 0,
            last_end: start,
            commit_seen,
            reached: 0,
            reply_wanted: false,
            open: Open::None,
            carried: Carried::Given(0),
        }
    }
}
