//! Unread: what of a connection's bytes is not done: the head of a message that was cut, and the present chunk from where it stands.

use super::frames::{head, Head, HEAD};

/// Room for the message that is kept is not held on to beyond so many bytes.
pub const ROOM: usize = 1 << 20;

/// The chunk itself stays with the caller, who gives the same one to every call until it is done.
#[derive(Debug, Default)]
pub struct Unread {
    /// The head of a message whose rest is still to come.
    pub rest: Vec<u8>,
    /// How far the chunk is done.
    at: usize,
}

impl Unread {
    /// The chunk from where it stands.
    #[inline]
    pub fn of<'a>(&self, chunk: &'a [u8]) -> &'a [u8] {
        chunk.get(self.at..).unwrap_or(&[])
    }

    /// So many bytes of the chunk are done.
    #[inline]
    pub fn pass(&mut self, bytes: usize) {
        self.at += bytes;
    }

    /// What is left of the chunk is the head of a message: keep it.
    pub fn keep(&mut self, chunk: &[u8]) {
        self.rest.extend_from_slice(chunk.get(self.at..).unwrap_or(&[]));
        self.at = chunk.len();
    }

    /// The message that was kept is done. Its room is used again, unless the message was one of the few large ones.
    pub fn empty(&mut self, mut kept: Vec<u8>) {
        kept.clear();
        if kept.capacity() <= ROOM {
            self.rest = kept;
        }
    }

    /// The chunk is done but for the head of a message; the next one begins.
    pub fn next_chunk(&mut self, chunk: &[u8]) {
        self.rest.extend_from_slice(chunk.get(self.at..).unwrap_or(&[]));
        self.at = 0;
    }

    /// Give the message that is kept what it lacks.
    pub fn complete(&mut self, chunk: &[u8]) {
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
    pub fn take(&mut self, chunk: &[u8]) -> Vec<u8> {
        self.keep(chunk);
        std::mem::take(&mut self.rest)
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
}
