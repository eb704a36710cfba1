//! What the stream hands over to the Python decoder: runs of messages, their values as texts.

use super::as_text::as_text;
use super::frames::{head, Head};
use super::stream::{Stream, MESSAGE, RELATION};
use super::stream_state::Route;
use super::tuple::u32_at;
use crate::error::Result;

/// Rows for the twin are handed over by so many messages at once, at most.
const RUN: usize = 512;

impl Stream {
    /// The messages for the twin that come next: the one the stream stopped at, and those behind it that are the twin's as well, or
    /// count little. They are done for this stream. Declined for a row with a binary value that is not known here; then the stream is
    /// of no more use.
    pub fn for_twin(&mut self, chunk: &[u8]) -> Result<Vec<Vec<u8>>> {
        if !self.unread.rest.is_empty() {
            let kept = std::mem::take(&mut self.unread.rest);
            return match head(&kept) {
                Head::Copy(payload, _) => Ok(vec![self.shown(payload)?]),
                _ => Ok(Vec::new()),
            };
        }
        let mut found = Vec::new();
        while found.len() < RUN {
            let Head::Copy(payload, size) = head(self.unread.of(chunk)) else { break };
            if !found.is_empty() && self.is_ours(payload) {
                break;
            }
            self.unread.pass(size);
            found.push(self.shown(payload)?);
            if is_relation(payload) {
                // It decides whose the rows behind it are.
                break;
            }
        }
        Ok(found)
    }

    /// A message as the twin reads it.
    fn shown(&self, payload: &[u8]) -> Result<Vec<u8>> {
        if self.wires.is_empty() || !is_row(payload) {
            return Ok(payload.to_vec());
        }
        match self.wires.get(&u32_at(payload, RELATION)?) {
            Some(wires) => as_text(payload, wires),
            // Nobody reads its values.
            None => Ok(payload.to_vec()),
        }
    }

    /// Whether the message should end a run for the twin: the row of a table that is done here.
    fn is_ours(&self, payload: &[u8]) -> bool {
        if !is_row(payload) || self.state.passive {
            return false;
        }
        let route = u32_at(payload, RELATION).ok().and_then(|relation| self.routes.get(&relation));
        match route {
            None | Some(Route::Twin) => false,
            Some(Route::LeftOut) => true,
            Some(Route::Table(table)) => {
                self.tables.get(*table).and_then(Option::as_ref).is_some_and(|table| !table.is_resting())
            }
        }
    }
}

fn is_row(payload: &[u8]) -> bool {
    matches!((payload.first(), payload.get(MESSAGE)), (Some(b'w'), Some(b'I' | b'U' | b'D')))
}

fn is_relation(payload: &[u8]) -> bool {
    payload.first() == Some(&b'w') && payload.get(MESSAGE) == Some(&b'R')
}
