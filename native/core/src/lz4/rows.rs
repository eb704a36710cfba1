//! Rows: LZ4 for rows that are alike, where it is known at which places to compare them.
//!
//! What an encoder writes is the same text in each row, with values between. A seam is a place where such a text begins: from there on a row is
//! compared with the row before, on both sides of the seam, so that values that begin or end alike are taken along. Nothing is looked up, which is
//! most of what LZ4 costs. Seams are hints: whatever they are, what is written says the same bytes.

use std::mem::swap;

/// Of a block the last five bytes are literals, and no copy begins in the last twelve. Source: "LZ4 Block Format Description", end of block.
const LAST_LITERALS: usize = 5;
const LAST_COPY: usize = 12;
/// A copy is three bytes more; a shorter one gains next to nothing.
const SHORTEST: usize = 6;
/// The format's, of which a token has one already.
const LEAST_COPY: usize = 4;
const NIBBLE: usize = 15;
/// Bytes copied at once for short literals.
const WIDE: usize = 32;

/// Where the rows of a buffer have their seams. `lengths`: an i32 for each row, little-endian, below zero for a row without bytes; `gaps`: a u16
/// for each seam, little-endian, the bytes from the seam before or from the row's begin; all rows have as many.
#[derive(Debug, Clone, Copy)]
pub struct Seams<'a> {
    pub lengths: &'a [u8],
    pub gaps: &'a [u8],
}

/// Walks over a buffer's rows, a block at a time.
#[derive(Debug)]
pub struct Rows<'a> {
    lengths: &'a [u8],
    gaps: &'a [u8],
    /// Bytes of `gaps` for a row.
    per: usize,
    /// Where the first row begins that no block has had the end of.
    start: usize,
    before: Vec<usize>,
    now: Vec<usize>,
}

impl<'a> Rows<'a> {
    /// None where there is nothing to go by.
    pub fn new(seams: Seams<'a>) -> Option<Rows<'a>> {
        let Seams { lengths, gaps } = seams;
        let per = gaps.len().checked_div(lengths.len() / 4)?;
        (per > 0 && per % 2 == 0).then_some(Rows { lengths, gaps, per, start: 0, before: Vec::new(), now: Vec::new() })
    }

    /// The block that begins at `from` in the buffer, compressed; the bytes of `out` that it takes, None where that does not do. Blocks come
    /// in order, some may be left out.
    pub fn compress(&mut self, block: &[u8], from: usize, out: &mut [u8]) -> Option<usize> {
        let end = from + block.len();
        let copies = block.len().checked_sub(LAST_LITERALS)?;
        let last = from + block.len().checked_sub(LAST_COPY)?;
        let (mut open, mut at) = (0, 0);
        self.before.clear();
        while let Some((length, rest)) = self.lengths.split_first_chunk::<4>() {
            let next = self.start + usize::try_from(i32::from_le_bytes(*length)).unwrap_or(0);
            if next > from {
                self.find();
                for (&place, &like) in self.now.iter().zip(&self.before) {
                    if place < from + open || like < from {
                        continue;
                    }
                    if place > last {
                        break;
                    }
                    let (place, like) = (place - from, like - from);
                    let behind = alike(block, like, place, copies);
                    let ahead = alike_ahead(block, like, place, place - open);
                    if ahead + behind >= SHORTEST && like < place {
                        let copy = Copy { start: place - ahead, back: place - like, length: ahead + behind };
                        at = sequence(block, open, &copy, out, at)?;
                        open = place + behind;
                    }
                }
                swap(&mut self.before, &mut self.now);
            }
            if next > end {
                break;
            }
            self.lengths = rest;
            self.gaps = self.gaps.get(self.per..).unwrap_or(&[]);
            self.start = next;
            if next == end {
                break;
            }
        }
        literals(block, open, block.len(), out, at, 0)
    }

    /// The seams of the row at `start`.
    fn find(&mut self) {
        self.now.clear();
        let mut place = self.start;
        for gap in self.gaps.get(..self.per).unwrap_or(&[]).chunks_exact(2) {
            place += usize::from(u16::from_le_bytes([gap[0], gap[1]]));
            self.now.push(place);
        }
    }
}

struct Copy {
    start: usize,
    back: usize,
    length: usize,
}

/// How many bytes are the same from `a` and from `b`, the later, on; those up to `end` count.
#[inline(always)]
fn alike(block: &[u8], a: usize, b: usize, end: usize) -> usize {
    let later = block.get(b..end).unwrap_or(&[]);
    let earlier = block.get(a..a + later.len()).unwrap_or(&[]);
    let mut count = 0;
    for (x, y) in earlier.chunks_exact(16).zip(later.chunks_exact(16)) {
        if let (Some(x), Some(y)) = (x.first_chunk(), y.first_chunk()) {
            let differ = u128::from_le_bytes(*x) ^ u128::from_le_bytes(*y);
            if differ != 0 {
                return count + (differ.trailing_zeros() / 8) as usize;
            }
        }
        count += 16;
    }
    let (x, y) = (earlier.chunks_exact(16).remainder(), later.chunks_exact(16).remainder());
    count + x.iter().zip(y).take_while(|(x, y)| x == y).count()
}

/// How many bytes are the same right ahead of `a` and `b`, at most `most`.
#[inline(always)]
fn alike_ahead(block: &[u8], a: usize, b: usize, most: usize) -> usize {
    let (x, y) = (block.get(..a).unwrap_or(&[]), block.get(..b).unwrap_or(&[]));
    let mut count = 0;
    for (x, y) in x.rchunks_exact(8).zip(y.rchunks_exact(8)) {
        if let (Some(x), Some(y)) = (x.first_chunk(), y.first_chunk()) {
            let differ = u64::from_le_bytes(*x) ^ u64::from_le_bytes(*y);
            if differ != 0 {
                return most.min(count + (differ.leading_zeros() / 8) as usize);
            }
        }
        count += 8;
        if count >= most {
            return most;
        }
    }
    let rest = x.rchunks_exact(8).remainder().iter().rev().zip(y.iter().rev().skip(count));
    most.min(count + rest.take_while(|(x, y)| x == y).count())
}

/// Literals from `open` up to the copy, and the copy.
#[inline(always)]
fn sequence(block: &[u8], open: usize, copy: &Copy, out: &mut [u8], at: usize) -> Option<usize> {
    let more = copy.length.checked_sub(LEAST_COPY)?;
    let mut at = literals(block, open, copy.start, out, at, more.min(NIBBLE) as u8)?;
    *out.get_mut(at..)?.first_chunk_mut()? = u16::try_from(copy.back).ok()?.to_le_bytes();
    at += 2;
    if more >= NIBBLE {
        at = length(more - NIBBLE, out, at)?;
    }
    Some(at)
}

/// A token, of which `low` is the lower half, and literals.
#[inline(always)]
fn literals(block: &[u8], start: usize, end: usize, out: &mut [u8], mut at: usize, low: u8) -> Option<usize> {
    let from = block.get(start..end)?;
    *out.get_mut(at)? = (from.len().min(NIBBLE) as u8) << 4 | low;
    at += 1;
    if from.len() >= NIBBLE {
        at = length(from.len() - NIBBLE, out, at)?;
    }
    let room = out.get_mut(at..)?;
    let wide = block.get(start..).and_then(|bytes| bytes.first_chunk::<WIDE>());
    match (wide, room.first_chunk_mut::<WIDE>()) {
        (Some(wide), Some(room)) if from.len() <= WIDE => *room = *wide,
        _ => room.get_mut(..from.len())?.copy_from_slice(from),
    }
    Some(at + from.len())
}

/// The bytes of a length beyond what the token has.
#[inline(always)]
fn length(mut rest: usize, out: &mut [u8], mut at: usize) -> Option<usize> {
    while rest >= 255 {
        *out.get_mut(at)? = 255;
        at += 1;
        rest -= 255;
    }
    *out.get_mut(at)? = rest as u8;
    Some(at + 1)
}
