//! The rows of several blocks as one sequence of commands, in the order of their ordinals.

use std::sync::Arc;

use super::plan::Plan;
use super::row::Rows;
use crate::column::Column;
use crate::error::{Declined, Result};

/// A block. `plan` None: all its rows are the twin's. `ordinals`: rising, one per row.
#[derive(Debug)]
pub struct Part {
    pub plan: Option<Arc<Plan>>,
    pub key: Option<Arc<Column>>,
    pub value: Option<Arc<Column>>,
    pub ordinals: Vec<i64>,
}

/// A row of one of the parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    pub ordinal: i64,
    pub part: u32,
    pub row: u32,
}

/// All rows of a batch in order.
#[derive(Debug)]
pub struct Sequence {
    parts: Vec<Part>,
    pub origins: Vec<Origin>,
}

/// The commands of some rows that follow each other. `ends`: where those of each row end; `replies`: how many answers there are up to
/// and with it; `twins`: the rows that have none, for the twin has to make them.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Commands {
    pub origins: Vec<Origin>,
    pub bytes: Vec<u8>,
    pub ends: Vec<usize>,
    pub replies: Vec<u32>,
    pub twins: Vec<u32>,
}

/// What one partition of the log has in a piece: the number of the run, the last row, the first row that has commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub run: usize,
    pub first: i64,
    pub last: i64,
    pub first_written: Option<i64>,
}

impl Sequence {
    /// `skips`: ordinals to be left out, from the first to below the second of each pair.
    pub fn new(parts: Vec<Part>, skips: &[(i64, i64)]) -> Result<Sequence> {
        let mut origins = Vec::with_capacity(parts.iter().map(|part| part.ordinals.len()).sum());
        for (number, part) in parts.iter().enumerate() {
            let columns = part.key.iter().chain(&part.value);
            if part.plan.is_some() && columns.into_iter().any(|one| one.rows != part.ordinals.len()) {
                return Err(Declined::Malformed("columns of different lengths"));
            }
            let number = u32::try_from(number).map_err(|_| Declined::TooLarge)?;
            u32::try_from(part.ordinals.len()).map_err(|_| Declined::TooLarge)?;
            for (row, &ordinal) in part.ordinals.iter().enumerate() {
                if !skips.iter().any(|&(low, high)| low <= ordinal && ordinal < high) {
                    origins.push(Origin { ordinal, part: number, row: row as u32 });
                }
            }
        }
        if parts.len() > 1 {
            origins.sort_by_key(|origin| origin.ordinal);
        }
        Ok(Sequence { parts, origins })
    }

    /// The commands from row number `start` on: at most `count` rows, ended by the first that reaches `limit` bytes.
    pub fn encode(&self, start: usize, count: usize, limit: usize) -> Result<Commands> {
        let end = start.saturating_add(count).min(self.origins.len());
        let origins = self.origins.get(start..end).unwrap_or(&[]);
        let mut bound: Vec<Option<Rows<'_>>> = Vec::with_capacity(self.parts.len());
        for part in &self.parts {
            bound.push(match &part.plan {
                Some(plan) => Some(Rows::bind(plan, part.ordinals.len(), part.key.as_deref(), part.value.as_deref())?),
                None => None,
            });
        }
        let mut made = Commands { ends: Vec::with_capacity(origins.len()), ..Commands::default() };
        let mut replies = 0u32;
        for (number, origin) in origins.iter().enumerate() {
            let begun = made.bytes.len();
            let written = match bound.get_mut(origin.part as usize) {
                Some(Some(rows)) => rows.write(&mut made.bytes, origin.row as usize).ok(),
                _ => None,
            };
            match written {
                Some(count) => replies = replies.checked_add(count).ok_or(Declined::TooLarge)?,
                None => {
                    made.bytes.truncate(begun);
                    made.twins.push(u32::try_from(number).map_err(|_| Declined::TooLarge)?);
                }
            }
            made.origins.push(*origin);
            made.ends.push(made.bytes.len());
            made.replies.push(replies);
            if made.bytes.len() >= limit {
                break;
            }
        }
        Ok(made)
    }
}

impl Commands {
    /// With the twin's commands, and how many answers they give, put in for the rows it had to make. If they are fewer, the rows end
    /// before the first that has none.
    pub fn spliced(&self, given: &[(&[u8], u32)]) -> Result<Commands> {
        if given.len() > self.twins.len() {
            return Err(Declined::Malformed("commands of other rows"));
        }
        let added: usize = given.iter().map(|one| one.0.len()).sum();
        let mut bytes = Vec::with_capacity(self.bytes.len().saturating_add(added));
        let (mut ends, mut replies) = (Vec::with_capacity(self.ends.len()), Vec::with_capacity(self.ends.len()));
        let (mut more, mut begun, mut next) = (0u32, 0, 0);
        let rows = self.twins.get(given.len()).map_or(self.ends.len(), |&twin| twin as usize);
        for (number, (&end, &count)) in self.ends.iter().zip(&self.replies).enumerate().take(rows) {
            bytes.extend_from_slice(self.bytes.get(begun..end).unwrap_or(&[]));
            begun = end;
            if self.twins.get(next).is_some_and(|&twin| twin as usize == number) {
                if let Some((commands, answers)) = given.get(next) {
                    bytes.extend_from_slice(commands);
                    more = more.checked_add(*answers).ok_or(Declined::TooLarge)?;
                }
                next += 1;
            }
            ends.push(bytes.len());
            replies.push(count.checked_add(more).ok_or(Declined::TooLarge)?);
        }
        let origins = self.origins.iter().take(rows).copied().collect();
        Ok(Commands { origins, bytes, ends, replies, twins: Vec::new() })
    }

    /// Where a piece from row `start` on ends that is to end with the first row that reaches `limit` bytes.
    pub fn cut(&self, start: usize, limit: usize) -> usize {
        let wanted = self.begin(start).saturating_add(limit);
        let reached = self.ends.partition_point(|&end| end < wanted);
        reached.max(start).saturating_add(1).min(self.ends.len())
    }

    fn begin(&self, row: usize) -> usize {
        row.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0)
    }

    /// The commands of rows `start` to below `stop`, and how many answers they give.
    pub fn piece(&self, start: usize, stop: usize) -> (&[u8], u32) {
        let (before, last) = (start.checked_sub(1), stop.checked_sub(1));
        let count = |row: Option<usize>| row.and_then(|row| self.replies.get(row)).copied().unwrap_or(0);
        let bytes = self.bytes.get(self.begin(start)..self.begin(stop)).unwrap_or(&[]);
        (bytes, count(last).saturating_sub(count(before)))
    }

    /// What the runs of ordinals that begin at `starts` (rising) have of rows `start` to below `stop`.
    pub fn spans(&self, start: usize, stop: usize, starts: &[i64]) -> Vec<Span> {
        let mut spans: Vec<Span> = Vec::new();
        for row in start..stop.min(self.origins.len()) {
            let Some(ordinal) = self.origins.get(row).map(|origin| origin.ordinal) else { break };
            let run = starts.partition_point(|&first| first <= ordinal).saturating_sub(1);
            let written = (self.piece(row, row + 1).1 > 0).then_some(ordinal);
            match spans.last_mut().filter(|span| span.run == run) {
                Some(span) => {
                    span.last = ordinal;
                    span.first_written = span.first_written.or(written);
                }
                None => spans.push(Span { run, first: ordinal, last: ordinal, first_written: written }),
            }
        }
        spans
    }
}

#[cfg(test)]
mod tests {
    use super::super::form::Form;
    use super::super::placeholder::Placeholder;
    use super::super::plan::{KeyPiece, Target};
    use super::*;
    use crate::column::Data;

    fn commands() -> Commands {
        let column = |values: &[i64]| Some(Arc::new(Column::new(values.len(), Data::Int(values.to_vec()))));
        let plan = Plan {
            key: vec![KeyPiece::Literal(b"k:".to_vec()), KeyPiece::Whole(Form::Int)],
            member: Vec::new(),
            collection: false,
            envelope: None,
            value: Some(Target::Text(Form::Int)),
            placeholder: Placeholder::default(),
            ttl: 0,
        };
        let parts = vec![
            Part { plan: Some(Arc::new(plan)), key: column(&[1, 2]), value: column(&[7, 8]), ordinals: vec![0, 3] },
            Part { plan: None, key: None, value: None, ordinals: vec![1, 2] },
        ];
        Sequence::new(parts, &[(1, 2)]).unwrap().encode(0, 100, usize::MAX).unwrap()
    }

    #[test]
    fn twins_are_put_in() {
        let made = commands();
        assert_eq!(made.twins, [1]);
        let whole = made.spliced(&[(b"TWIN", 2)]).unwrap();
        let one = "*3\r\n$3\r\nSET\r\n$3\r\nk:1\r\n$1\r\n7\r\n";
        let two = "*3\r\n$3\r\nSET\r\n$3\r\nk:2\r\n$1\r\n8\r\n";
        assert_eq!(String::from_utf8(whole.bytes.clone()).unwrap(), format!("{one}TWIN{two}"));
        assert_eq!(whole.piece(1, 2), (&b"TWIN"[..], 2));
        assert_eq!(whole.piece(0, 3).1, 4);
        assert_eq!((whole.cut(0, 1), whole.cut(0, one.len()), whole.cut(0, one.len() + 1)), (1, 1, 2));
        assert_eq!((whole.cut(2, 1), whole.cut(0, usize::MAX)), (3, 3));
        let short = made.spliced(&[]).unwrap();
        assert_eq!((String::from_utf8(short.bytes).unwrap().as_str(), short.origins.len()), (one, 1));
        assert!(made.spliced(&[(b"", 0), (b"", 0)]).is_err());
    }

    #[test]
    fn spans_of_runs() {
        let spans = commands().spans(0, 3, &[0, 2]);
        let span = |run, first, last, first_written| Span { run, first, last, first_written };
        assert_eq!(spans, [span(0, 0, 0, Some(0)), span(1, 2, 3, Some(3))]);
    }
}
