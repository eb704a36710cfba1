//! Bytes as independent blocks of LZ4. Source: "LZ4 Block Format Description" of the LZ4 project.
//!
//! Per block of 64 KiB (the last may be shorter) its length as u32, little-endian, and its bytes; the highest bit of the length says that they
//! are kept as they are. The twin is `headrace.log.embedded.compression`.

mod rows;

use std::borrow::Cow;

use crate::error::{Declined, Result};

use rows::Rows;
pub use rows::Seams;

/// Bytes of a block: LZ4 looks back no further, and so much stays in a core's own cache.
pub const BLOCK: usize = 64 << 10;
const PLAIN: u32 = 1 << 31;
/// Rows compared with the row before may take a quarter more than LZ4 finds by looking further: that costs twice the time.
const TOLERATED: usize = 4;
/// Where they take more, so many blocks go the other way before they are tried again.
const SKIPPED: usize = 15;

/// The parts, one behind the other, compressed; None unless that takes less than `limit` bytes. `seams`: of the part of that number.
pub fn compress(parts: &[&[u8]], limit: usize, seams: Option<(usize, Seams<'_>)>) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(limit.min(1 << 20));
    let mut blocks = Blocks { parts, part: 0, at: 0 };
    let mut compressor = Compressor::new(seams);
    while let Some((block, place)) = blocks.next() {
        // Every block is at most 64 KiB, so its length and the mark fit into 32 bits.
        match compressor.compress(&block, place) {
            Some(made) if made.len() < block.len() => {
                out.extend_from_slice(&(made.len() as u32).to_le_bytes());
                out.extend_from_slice(made);
            }
            _ => {
                out.extend_from_slice(&(block.len() as u32 | PLAIN).to_le_bytes());
                out.extend_from_slice(&block);
            }
        }
        if out.len() >= limit {
            return None;
        }
    }
    Some(out)
}

/// A block within one part: the part's number, and where it begins there.
type Place = Option<(usize, usize)>;

/// Takes the quicker way where that makes little difference, which is seen from blocks done both ways.
struct Compressor<'a> {
    rows: Option<(usize, Rows<'a>)>,
    room: Vec<u8>,
    other: Vec<u8>,
    /// What rows may take for a block, in bytes; more is too much.
    enough: usize,
    /// Blocks that need not be tried as rows.
    skip: usize,
}

impl<'a> Compressor<'a> {
    fn new(seams: Option<(usize, Seams<'a>)>) -> Compressor<'a> {
        let rows = seams.and_then(|(part, seams)| Some((part, Rows::new(seams)?)));
        let most = lz4_flex::block::get_maximum_output_size(BLOCK);
        let other = vec![0; if rows.is_some() { most } else { 0 }];
        Compressor { rows, room: vec![0; most], other, enough: 0, skip: 0 }
    }

    fn compress(&mut self, block: &[u8], place: Place) -> Option<&[u8]> {
        let tried = match (&mut self.rows, place) {
            (Some((of, rows)), Some((part, at))) if *of == part && self.skip == 0 => {
                rows.compress(block, at, &mut self.room)
            }
            _ => None,
        };
        if let Some(size) = tried.filter(|&size| size <= self.enough) {
            return self.room.get(..size);
        }
        let Some(size) = tried else {
            self.skip = self.skip.saturating_sub(usize::from(place.is_some()));
            let made = lz4_flex::block::compress_into(block, &mut self.room).ok()?;
            return self.room.get(..made);
        };
        let made = lz4_flex::block::compress_into(block, &mut self.other).ok()?;
        self.enough = made + made / TOLERATED;
        if size <= self.enough {
            return self.room.get(..size);
        }
        self.skip = SKIPPED;
        self.other.get(..made)
    }
}

/// Fill `to` with what was compressed. Malformed for bytes that are not exactly that.
pub fn decompress(mut bytes: &[u8], to: &mut [u8]) -> Result<()> {
    for block in to.chunks_mut(BLOCK) {
        let (length, rest) = bytes.split_first_chunk::<4>().ok_or(CUT)?;
        let length = u32::from_le_bytes(*length);
        let size = usize::try_from(length & !PLAIN).map_err(|_| CUT)?;
        let (data, behind) = rest.split_at_checked(size).ok_or(CUT)?;
        if length & PLAIN == 0 {
            if !matches!(lz4_flex::block::decompress_into(data, block), Ok(made) if made == block.len()) {
                return Err(WRONG);
            }
        } else if data.len() == block.len() {
            block.copy_from_slice(data);
        } else {
            return Err(WRONG);
        }
        bytes = behind;
    }
    if bytes.is_empty() {
        Ok(())
    } else {
        Err(Declined::Malformed("bytes behind the last block"))
    }
}

const CUT: Declined = Declined::Malformed("a block is cut");
const WRONG: Declined = Declined::Malformed("a block of another length");

/// Cuts parts into blocks; only those that several parts share are copied.
struct Blocks<'a> {
    parts: &'a [&'a [u8]],
    part: usize,
    at: usize,
}

impl<'a> Blocks<'a> {
    fn next(&mut self) -> Option<(Cow<'a, [u8]>, Place)> {
        let mut joined: Vec<u8> = Vec::new();
        while let Some(part) = self.parts.get(self.part) {
            let rest = part.get(self.at..).unwrap_or(&[]);
            let taken = rest.get(..BLOCK - joined.len()).unwrap_or(rest);
            let place = (self.part, self.at);
            if taken.len() == rest.len() {
                (self.part, self.at) = (self.part + 1, 0);
            } else {
                self.at += taken.len();
            }
            if joined.is_empty() && taken.len() == BLOCK {
                return Some((Cow::Borrowed(taken), Some(place)));
            }
            joined.extend_from_slice(taken);
            if joined.len() == BLOCK {
                break;
            }
        }
        (!joined.is_empty()).then_some((Cow::Owned(joined), None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn back(bytes: &[u8], size: usize) -> Result<Vec<u8>> {
        let mut to = vec![0; size];
        decompress(bytes, &mut to).map(|()| to)
    }

    #[test]
    fn there_and_back_however_it_is_cut() {
        let text: Vec<u8> = (0..150_000_u32).flat_map(|n| (n / 7).to_le_bytes()).collect();
        for cut in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, text.len()] {
            let (head, tail) = text.split_at(cut);
            let made = compress(&[head, &[], tail], text.len(), None).unwrap();
            assert!(made.len() < text.len() / 2);
            assert_eq!(back(&made, text.len()).unwrap(), text);
            assert!(back(&made, text.len() - 1).is_err());
            assert!(back(&made, text.len() + 1).is_err());
            assert!(back(&made[..made.len() - 1], text.len()).is_err());
        }
    }

    #[test]
    fn noise_is_kept_as_it_is() {
        let mut seed = 1_u64;
        let mut noise = Vec::new();
        for _ in 0..BLOCK + 100 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            noise.push((seed >> 56) as u8);
        }
        assert_eq!(compress(&[&noise], noise.len(), None), None);
        let made = compress(&[&noise], usize::MAX, None).unwrap();
        assert_eq!(made.len(), noise.len() + 8);
        assert_eq!(back(&made, noise.len()).unwrap(), noise);
        assert_eq!(compress(&[], 1, None), Some(Vec::new()));
    }

    /// Rows of a few values, and where their texts begin.
    fn rows(count: u32, value: impl Fn(u32) -> String) -> (Vec<u8>, Vec<u8>, Vec<u8>) {
        let (mut text, mut lengths, mut gaps) = (Vec::new(), Vec::new(), Vec::new());
        for row in 0..count {
            if row % 11 == 10 {
                lengths.extend_from_slice(&(-1_i32).to_le_bytes());
                gaps.extend_from_slice(&[0; 6]);
                continue;
            }
            let (first, second) = (format!("{{\"id\":{row},"), format!("\"value of it\":\"{}\",", value(row)));
            let rest = "\"source\":{\"version\":\"1\",\"connector\":\"postgresql\",\"name\":\"shop\"},\"op\":\"r\"}";
            let whole = format!("{first}{second}{rest}");
            text.extend_from_slice(whole.as_bytes());
            lengths.extend_from_slice(&(whole.len() as i32).to_le_bytes());
            for gap in [0, first.len() - 1, second.len()] {
                gaps.extend_from_slice(&(gap as u16).to_le_bytes());
            }
        }
        (text, lengths, gaps)
    }

    #[test]
    fn rows_come_back_and_take_as_little() {
        let mixed = |row: u32| row.wrapping_mul(2_654_435_761).to_string();
        let (text, lengths, gaps) = rows(5_000, mixed);
        assert!(text.len() > 6 * BLOCK);
        let seams = Seams { lengths: &lengths, gaps: &gaps };
        let head = vec![7; 1_000];
        let made = compress(&[&head, &text, b"tail"], usize::MAX, Some((1, seams))).unwrap();
        let whole = [&head[..], &text, b"tail"].concat();
        assert_eq!(back(&made, whole.len()).unwrap(), whole);
        let plain = compress(&[&whole], usize::MAX, None).unwrap();
        assert_ne!(made, plain);
        assert!(made.len() < plain.len() * 5 / 4, "{} {}", made.len(), plain.len());
    }

    #[test]
    fn what_rows_do_badly_goes_the_other_way() {
        let long = |row: u32| format!("{row} and so on ").repeat(40);
        let (text, lengths, gaps) = rows(1_000, long);
        let made = compress(&[&text], usize::MAX, Some((0, Seams { lengths: &lengths, gaps: &gaps }))).unwrap();
        assert_eq!(back(&made, text.len()).unwrap(), text);
        assert_eq!(made, compress(&[&text], usize::MAX, None).unwrap());
    }

    #[test]
    fn seams_may_be_anything() {
        let (text, lengths, gaps) = rows(3_000, |row| "x".repeat(row as usize % 50));
        let mut seed = 1_u64;
        for round in 0..60 {
            let (mut lengths, mut gaps) = (lengths.clone(), gaps.clone());
            for _ in 0..=round * 20 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let (at, byte) = ((seed >> 33) as usize, (seed >> 24) as u8);
                if round % 2 == 0 {
                    let at = at % gaps.len();
                    gaps[at] = byte;
                } else {
                    let at = at % lengths.len();
                    lengths[at] = byte;
                }
            }
            lengths.truncate(lengths.len() - 4 * (round % 5));
            let made = compress(&[&text], usize::MAX, Some((0, Seams { lengths: &lengths, gaps: &gaps }))).unwrap();
            assert_eq!(back(&made, text.len()).unwrap(), text);
        }
    }
}
