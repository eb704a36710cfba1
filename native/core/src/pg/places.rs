//! Places: where the records of a batch lie in the log, kept small until somebody asks for one.

use std::sync::Arc;

/// What the events of one transaction share. `previous_end`: where the stream stood before it. `commit_seen`: the end of the transaction
/// committed before, None before any.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Context {
    pub xid: Option<u32>,
    /// Microseconds since 1970.
    pub commit_us: i64,
    pub previous_end: u64,
    pub commit_seen: Option<u64>,
    pub origin: Option<Arc<[u8]>>,
    pub origin_lsn: Option<u64>,
}

/// What was done to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    Insert,
    Update,
    Delete,
}

impl Operation {
    /// As the envelope's `op` has it.
    pub fn code(self) -> &'static [u8] {
        match self {
            Operation::Insert => b"c",
            Operation::Update => b"u",
            Operation::Delete => b"d",
        }
    }

    /// As offsets have it in `messageType`.
    pub fn word(self) -> &'static str {
        match self {
            Operation::Insert => "INSERT",
            Operation::Update => "UPDATE",
            Operation::Delete => "DELETE",
        }
    }
}

/// One change of one row. `events`: its number among the changes at `lsn`. `done_at`: where its transaction ends, if it was the last
/// one of it; 0 if not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    pub context: u32,
    pub events: u32,
    pub lsn: u64,
    pub done_at: u64,
    pub operation: Operation,
}

/// Whose offset a record carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carried {
    Event(u32),
    /// The offset of that number of those which the twin's records brought.
    Given(u32),
}

/// `records`: of each ordinal.
#[derive(Debug, Default)]
pub struct Places {
    pub contexts: Vec<Context>,
    pub events: Vec<Event>,
    pub records: Vec<Carried>,
}
