//! Bytes as independent blocks of LZ4. Source: "LZ4 Block Format Description" of the LZ4 project.
//!
//! Per block of 64 KiB (the last may be shorter) its length as u32, little-endian, and its bytes; the highest bit of the length says that they
//! are kept as they are. The twin is `headrace.log.embedded.compression`.

use std::borrow::Cow;

use crate::error::{Declined, Result};

/// Bytes of a block: LZ4 looks back no further, and so much stays in a core's own cache.
pub const BLOCK: usize = 64 << 10;
const PLAIN: u32 = 1 << 31;

/// The parts, one behind the other, compressed; None unless that takes less than `limit` bytes.
pub fn compress(parts: &[&[u8]], limit: usize) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(limit.min(1 << 20));
    let mut room = vec![0; lz4_flex::block::get_maximum_output_size(BLOCK)];
    let mut blocks = Blocks { parts, part: 0, at: 0 };
    while let Some(block) = blocks.next() {
        // Every block is at most 64 KiB, so its length and the mark fit into 32 bits.
        match lz4_flex::block::compress_into(&block, &mut room) {
            Ok(size) if size < block.len() => {
                out.extend_from_slice(&(size as u32).to_le_bytes());
                out.extend_from_slice(room.get(..size)?);
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
    fn next(&mut self) -> Option<Cow<'a, [u8]>> {
        let mut joined: Vec<u8> = Vec::new();
        while let Some(part) = self.parts.get(self.part) {
            let rest = part.get(self.at..).unwrap_or(&[]);
            let taken = rest.get(..BLOCK - joined.len()).unwrap_or(rest);
            if taken.len() == rest.len() {
                (self.part, self.at) = (self.part + 1, 0);
            } else {
                self.at += taken.len();
            }
            if joined.is_empty() && taken.len() == BLOCK {
                return Some(Cow::Borrowed(taken));
            }
            joined.extend_from_slice(taken);
            if joined.len() == BLOCK {
                break;
            }
        }
        (!joined.is_empty()).then_some(Cow::Owned(joined))
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
            let made = compress(&[head, &[], tail], text.len()).unwrap();
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
        assert_eq!(compress(&[&noise], noise.len()), None);
        let made = compress(&[&noise], usize::MAX).unwrap();
        assert_eq!(made.len(), noise.len() + 8);
        assert_eq!(back(&made, noise.len()).unwrap(), noise);
        assert_eq!(compress(&[], 1), Some(Vec::new()));
    }
}
