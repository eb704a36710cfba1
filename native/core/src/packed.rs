//! Packed columns of encoded data: one buffer, a little-endian i32 length per record (-1 = none), common prefixes by index.
//!
//! The twin is `headrace.spi.columns.PackedColumn`; the partitioner's is `headrace.log.partitioner` (Kafka's default one, KIP-480).

use crate::error::{Declined, Result};

const SEED: u32 = 0x9747_b28c;
const M: u32 = 0x5bd1_e995;

/// Which prefix a record's datum has.
#[derive(Debug, Clone, Copy)]
pub enum Prefix<'a> {
    /// None, for all records.
    None,
    /// The same one for all records.
    Same(usize),
    /// A little-endian unsigned integer per record, of 1, 2 or 4 bytes.
    Each(&'a [u8]),
}

/// A column over borrowed bytes.
#[derive(Debug, Clone, Copy)]
pub struct Packed<'a> {
    pub buffer: &'a [u8],
    pub lengths: &'a [u8],
    pub prefix: Prefix<'a>,
}

/// What `take` makes: the data, the lengths and, where each record has its own, the prefix indexes.
#[derive(Debug, PartialEq, Eq)]
pub struct Taken {
    pub buffer: Vec<u8>,
    pub lengths: Vec<u8>,
    pub prefix: Option<Vec<u8>>,
}

impl<'a> Packed<'a> {
    /// The number of records.
    pub fn len(&self) -> usize {
        self.lengths.len() / 4
    }

    pub fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }

    /// The lengths; malformed ones are declined.
    fn lengths(&self) -> Result<impl Iterator<Item = Option<usize>> + 'a> {
        lengths_of(self.lengths)
    }

    /// Where each datum lies, None for a record without.
    fn data(&self) -> Result<Vec<Option<&'a [u8]>>> {
        let mut rest = self.buffer;
        let mut data = Vec::with_capacity(self.len());
        for length in self.lengths()? {
            data.push(match length {
                None => None,
                Some(length) => {
                    let (datum, more) = rest.split_at_checked(length).ok_or(BEYOND)?;
                    rest = more;
                    Some(datum)
                }
            });
        }
        if !rest.is_empty() {
            return Err(BEYOND);
        }
        Ok(data)
    }

    /// The width of a prefix index in bytes.
    fn prefix_width(&self, indexes: &[u8]) -> Result<usize> {
        match indexes.len().checked_div(self.len()) {
            Some(width @ (1 | 2 | 4)) if width * self.len() == indexes.len() => Ok(width),
            _ => Err(Declined::Malformed("prefix indexes are not 1, 2 or 4 bytes each")),
        }
    }

    /// The records at these positions (little-endian u32 each), in this order.
    pub fn take(&self, rows: &[u8]) -> Result<Taken> {
        let data = self.data()?;
        let rows = positions(rows, data.len())?;
        let mut size = 0usize;
        for &row in &rows {
            size = size.checked_add(data[row].map_or(0, <[u8]>::len)).ok_or(Declined::TooLarge)?;
        }
        let mut buffer = Vec::with_capacity(size);
        let mut lengths = Vec::with_capacity(4 * rows.len());
        for &row in &rows {
            buffer.extend_from_slice(data[row].unwrap_or_default());
            lengths.extend_from_slice(&self.lengths[4 * row..4 * row + 4]);
        }
        let prefix = match self.prefix {
            Prefix::Each(indexes) if !indexes.is_empty() => {
                let width = self.prefix_width(indexes)?;
                let mut taken = Vec::with_capacity(width * rows.len());
                for &row in &rows {
                    taken.extend_from_slice(&indexes[width * row..width * (row + 1)]);
                }
                Some(taken)
            }
            _ => None,
        };
        Ok(Taken { buffer, lengths, prefix })
    }

    /// The positions (little-endian u32 each) of the records of each of the `partitions`, by Kafka's hash of the whole key; records
    /// without one go to partition `unkeyed`.
    pub fn partitions(&self, prefixes: &[&[u8]], partitions: u32, unkeyed: u32) -> Result<Vec<Vec<u8>>> {
        if partitions == 0 || unkeyed >= partitions {
            return Err(Declined::Value("a partition that is not there"));
        }
        let data = self.data()?;
        let count = u32::try_from(data.len()).map_err(|_| Declined::TooLarge)?;
        let same: &[u8] = match self.prefix {
            Prefix::Same(index) => prefixes.get(index).ok_or(NO_PREFIX)?,
            _ => b"",
        };
        let each = match self.prefix {
            Prefix::Each(indexes) if !indexes.is_empty() => Some((indexes, self.prefix_width(indexes)?)),
            _ => None,
        };
        let mut result = vec![Vec::new(); partitions as usize];
        let mut whole = Vec::new();
        for (row, datum) in (0..count).zip(&data) {
            let partition = match datum {
                None => unkeyed,
                Some(datum) => {
                    let prefix = match each {
                        None => same,
                        Some((indexes, width)) => {
                            let at = width * row as usize;
                            prefixes.get(index_at(&indexes[at..at + width])).ok_or(NO_PREFIX)?
                        }
                    };
                    let hash = if prefix.is_empty() {
                        murmur2(datum)
                    } else {
                        whole.clear();
                        whole.extend_from_slice(prefix);
                        whole.extend_from_slice(datum);
                        murmur2(&whole)
                    };
                    (hash & 0x7fff_ffff) % partitions
                }
            };
            result[partition as usize].extend_from_slice(&row.to_le_bytes());
        }
        Ok(result)
    }

    /// Each datum, None for a record without; for who makes objects of them.
    pub fn each(&self) -> Result<Vec<Option<&'a [u8]>>> {
        self.data()
    }
}

const BEYOND: Declined = Declined::Malformed("the lengths do not add up to the buffer");
const NO_PREFIX: Declined = Declined::Malformed("a prefix index is not in the table");

fn lengths_of<'a>(lengths: &'a [u8]) -> Result<impl Iterator<Item = Option<usize>> + 'a> {
    let whole = lengths.chunks_exact(4);
    if !whole.remainder().is_empty() {
        return Err(Declined::Malformed("lengths are not 4 bytes each"));
    }
    let number = |four: &[u8]| i32::from_le_bytes([four[0], four[1], four[2], four[3]]);
    if whole.clone().any(|four| number(four) < -1) {
        return Err(Declined::Malformed("a negative length"));
    }
    Ok(whole.map(move |four| usize::try_from(number(four)).ok()))
}

/// How many bytes the data have together.
pub fn total(lengths: &[u8]) -> Result<usize> {
    let mut sum = 0usize;
    for length in lengths_of(lengths)?.flatten() {
        sum = sum.checked_add(length).ok_or(Declined::TooLarge)?;
    }
    Ok(sum)
}

/// Positions below `count`, from little-endian u32.
fn positions(rows: &[u8], count: usize) -> Result<Vec<usize>> {
    let whole = rows.chunks_exact(4);
    if !whole.remainder().is_empty() {
        return Err(Declined::Malformed("positions are not 4 bytes each"));
    }
    whole.map(|four| Some(index_at(four)).filter(|&row| row < count).ok_or(Declined::Value("no such row"))).collect()
}

/// A little-endian unsigned integer of up to 4 bytes.
fn index_at(bytes: &[u8]) -> usize {
    bytes.iter().rev().fold(0, |number, &byte| number << 8 | usize::from(byte))
}

/// The checksum of zlib, PNG and the log's batches, going on from `start`.
pub fn crc32(start: u32, parts: &[&[u8]]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(start);
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize()
}

/// Kafka's 32-bit murmur2.
pub fn murmur2(data: &[u8]) -> u32 {
    // As in Java, the length is what fits 32 bits of it.
    let mut h = SEED ^ data.len() as u32;
    let words = data.chunks_exact(4);
    let rest = words.remainder();
    for word in words {
        let mut k = u32::from_le_bytes([word[0], word[1], word[2], word[3]]).wrapping_mul(M);
        k ^= k >> 24;
        h = h.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    if !rest.is_empty() {
        h = (h ^ index_at(rest) as u32).wrapping_mul(M);
    }
    h = (h ^ (h >> 13)).wrapping_mul(M);
    h ^ (h >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(values: &[i32]) -> Vec<u8> {
        values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    #[test]
    fn murmur2_is_kafkas() {
        // From org.apache.kafka.common.utils.UtilsTest.
        for (text, hash) in [("21", -973_932_308), ("foobar", -790_332_482), ("a-little-bit-long-string", -985_981_536)]
        {
            assert_eq!(murmur2(text.as_bytes()) as i32, hash);
        }
    }

    #[test]
    fn crc_goes_on_over_parts() {
        assert_eq!(crc32(0, &[b"123456789"]), 0xcbf4_3926);
        assert_eq!(crc32(crc32(0, &[b"1234"]), &[b"5", b"", b"6789"]), 0xcbf4_3926);
    }

    #[test]
    fn take_keeps_order_and_nulls() {
        let lengths_in = lengths(&[2, -1, 0, 1]);
        let column = Packed { buffer: b"abc", lengths: &lengths_in, prefix: Prefix::Each(&[0, 1, 2, 3]) };
        let taken = column.take(&[3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]).unwrap();
        assert_eq!(taken.buffer, b"cab");
        assert_eq!(taken.lengths, lengths(&[1, -1, 2]));
        assert_eq!(taken.prefix, Some(vec![3, 1, 0]));
        assert!(column.take(&[4, 0, 0, 0]).is_err());
        assert!(column.take(&[0, 0]).is_err());
    }

    #[test]
    fn what_does_not_fit_is_declined() {
        for (buffer, values) in [(&b"abc"[..], &[2][..]), (b"a", &[2]), (b"", &[-2]), (b"", &[i32::MAX, i32::MAX])] {
            let made = lengths(values);
            let column = Packed { buffer, lengths: &made, prefix: Prefix::None };
            assert!(column.each().is_err());
            assert!(column.partitions(&[b""], 3, 0).is_err());
        }
        assert!(total(&[0, 0, 0]).is_err());
        assert_eq!(total(&lengths(&[3, -1, 4])), Ok(7));
    }

    #[test]
    fn partitions_take_the_whole_key() {
        let lengths_in = lengths(&[3, -1, 3]);
        let column = Packed { buffer: b"barbar", lengths: &lengths_in, prefix: Prefix::Each(&[1, 0, 0]) };
        let found = column.partitions(&[b"", b"foo"], 1000, 7).unwrap();
        let of = |key: &[u8]| ((murmur2(key) & 0x7fff_ffff) % 1000) as usize;
        assert_eq!(found[of(b"foobar")], 0u32.to_le_bytes());
        assert_eq!(found[of(b"bar")], 2u32.to_le_bytes());
        assert_eq!(found[7], 1u32.to_le_bytes());
        assert!(column.partitions(&[b""], 3, 0).is_err());
        assert!(column.partitions(&[b"", b"foo"], 3, 3).is_err());
    }
}
