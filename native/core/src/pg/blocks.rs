//! Blocks: what of a connection's bytes goes on as it came, and what is of transactions that are streamed before they are committed.
//!
//! Source: PostgreSQL manual, "Logical Replication Message Formats", protocol versions 2 (streaming) and 4 (parallel).

use super::frames::{head, Head, HEAD};
use super::stream::MESSAGE;
use super::tuple::{u32_at, u64_at};
use super::unread::Unread;
use crate::error::{Declined, Result};

/// What a piece is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// CopyData messages that are of no block, as they came.
    Plain,
    /// Runs of messages that a block adds to what was streamed of a transaction; see `Blocks`.
    Block,
    /// The payload of a stream's commit or abort.
    End,
    /// The bytes from a message on that is no CopyData.
    Foreign,
    /// A payload that is not of the protocol: the stream is of no more use.
    Malformed,
}

/// `xid`: of the transaction that a block is of, else 0.
#[derive(Debug, PartialEq, Eq)]
pub struct Piece {
    pub kind: Kind,
    pub xid: u32,
    pub bytes: Vec<u8>,
}

/// Splits the bytes of a connection, cut anywhere.
///
/// A block's piece is made of runs: messages of one (sub)transaction, as CopyData, without the number of the transaction. Before each run
/// stand its transaction (4 bytes), its length (8), the first position in it that is not 0 (8), and whether it has anything but
/// relations, types and origins (1).
#[derive(Debug, Default)]
pub struct Blocks {
    unread: Unread,
    open: Option<u32>,
    /// In the piece that is being made: where its last run is, and of which transaction.
    run: Option<(usize, u32)>,
}

const RUN: usize = 21;

impl Blocks {
    /// The pieces of a chunk and of what was kept before it, in order.
    pub fn split(&mut self, chunk: &[u8]) -> Vec<Piece> {
        let mut pieces = Vec::new();
        self.run = None;
        self.unread.next_chunk(&[]);
        while !self.unread.rest.is_empty() {
            self.unread.complete(chunk);
            let kept = std::mem::take(&mut self.unread.rest);
            let Head::Copy(payload, _) = head(&kept) else {
                self.unread.rest = kept;
                break;
            };
            let going_on = self.message(payload, &mut pieces);
            self.unread.empty(kept);
            if !going_on {
                return pieces;
            }
        }
        if self.unread.rest.is_empty() {
            while let Head::Copy(payload, size) = head(self.unread.of(chunk)) {
                self.unread.pass(size);
                if !self.message(payload, &mut pieces) {
                    return pieces;
                }
            }
        }
        let foreign = match self.unread.rest.is_empty() {
            true => head(self.unread.of(chunk)),
            false => head(&self.unread.rest),
        };
        if foreign == Head::Foreign {
            pieces.push(Piece { kind: Kind::Foreign, xid: 0, bytes: self.unread.take(chunk) });
        } else {
            self.unread.keep(chunk);
        }
        pieces
    }

    /// Do one message; false where it is malformed.
    fn message(&mut self, payload: &[u8], pieces: &mut Vec<Piece>) -> bool {
        let done = match (payload.first(), payload.get(MESSAGE)) {
            (Some(b'w'), Some(b'S')) => self.start(payload, pieces),
            (Some(b'w'), Some(b'E')) => {
                self.open = None;
                self.run = None;
                Ok(())
            }
            (Some(b'w'), _) if self.open.is_some() => self.streamed(payload, pieces),
            (Some(b'w'), Some(b'c' | b'A')) => {
                pieces.push(Piece { kind: Kind::End, xid: 0, bytes: payload.to_vec() });
                Ok(())
            }
            _ => {
                self.plain(payload, pieces);
                Ok(())
            }
        };
        if done.is_err() {
            pieces.push(Piece { kind: Kind::Malformed, xid: 0, bytes: payload.to_vec() });
        }
        done.is_ok()
    }

    fn start(&mut self, payload: &[u8], pieces: &mut Vec<Piece>) -> Result<()> {
        let xid = u32_at(payload, MESSAGE + 1)?;
        self.open = Some(xid);
        self.run = None;
        pieces.push(Piece { kind: Kind::Block, xid, bytes: Vec::new() });
        Ok(())
    }

    fn plain(&mut self, payload: &[u8], pieces: &mut Vec<Piece>) {
        self.run = None;
        if !pieces.last().is_some_and(|piece| piece.kind == Kind::Plain) {
            pieces.push(Piece { kind: Kind::Plain, xid: 0, bytes: Vec::new() });
        }
        if let Some(piece) = pieces.last_mut() {
            frame(&mut piece.bytes, payload, &[]);
        }
    }

    fn streamed(&mut self, payload: &[u8], pieces: &mut Vec<Piece>) -> Result<()> {
        let xid = self.open.unwrap_or(0);
        let kind = *payload.get(MESSAGE).ok_or(CUT)?;
        // An origin does not say its transaction, even in a block.
        let (part, behind) =
            if kind == b'O' { (xid, MESSAGE + 1) } else { (u32_at(payload, MESSAGE + 1)?, MESSAGE + 5) };
        let position = u64_at(payload, 1)?;
        let (before, rest) = (payload.get(..=MESSAGE).ok_or(CUT)?, payload.get(behind..).ok_or(CUT)?);
        if !pieces.last().is_some_and(|piece| piece.kind == Kind::Block && piece.xid == xid) {
            pieces.push(Piece { kind: Kind::Block, xid, bytes: Vec::new() });
            self.run = None;
        }
        let Some(piece) = pieces.last_mut() else { return Ok(()) };
        let bytes = &mut piece.bytes;
        let at = match self.run {
            Some((at, of)) if of == part => at,
            _ => {
                let at = bytes.len();
                bytes.extend_from_slice(&part.to_be_bytes());
                bytes.resize(at + RUN, 0);
                self.run = Some((at, part));
                at
            }
        };
        frame(bytes, before, rest);
        let length = (bytes.len() - at - RUN) as u64;
        if let Some([_, _, _, _, head @ ..]) = bytes.get_mut(at..).and_then(|run| run.first_chunk_mut::<RUN>()) {
            let (sizes, rows) = head.split_at_mut(16);
            let (size, first) = sizes.split_at_mut(8);
            size.copy_from_slice(&length.to_be_bytes());
            if first.iter().all(|byte| *byte == 0) {
                first.copy_from_slice(&position.to_be_bytes());
            }
            rows.fill(rows.first().copied().unwrap_or(0) | u8::from(!matches!(kind, b'R' | b'Y' | b'O')));
        }
        Ok(())
    }
}

const CUT: Declined = Declined::Malformed("a streamed message that is cut short");

/// Add a CopyData of these two parts, which are no more than what came as one.
fn frame(bytes: &mut Vec<u8>, before: &[u8], rest: &[u8]) {
    let length = before.len() + rest.len() + HEAD - 1;
    bytes.push(b'd');
    bytes.extend_from_slice(&(length as u32).to_be_bytes());
    bytes.extend_from_slice(before);
    bytes.extend_from_slice(rest);
}
