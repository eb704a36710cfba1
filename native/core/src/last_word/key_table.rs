//! A hash table of keys that are not copied: an entry is the row it was first seen in, and compared with columns in place.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use crate::column::Column;
use crate::error::{Declined, Result};
use crate::last_word::equality::{kind, same, Plain};
use crate::last_word::row_view::{RowRef, View};

/// Entries are numbered in the order in which they came. The hash is keyed at random: keys come from outside.
pub struct KeyTable {
    /// Entry number + 1, 0 = empty; the length is a power of two, at least twice the number of entries.
    slots: Vec<u32>,
    hashes: Vec<u64>,
    /// With whether the key is that of a delete.
    keys: Vec<(RowRef, bool)>,
    state: RandomState,
}

impl KeyTable {
    /// For at most `most` entries.
    pub fn new(most: usize, state: RandomState) -> KeyTable {
        KeyTable { slots: vec![0; (most.max(4) * 2).next_power_of_two()], hashes: Vec::new(), keys: Vec::new(), state }
    }

    /// The number of the entry with the key of row `at`, and whether it is new.
    pub fn find_or_add(&mut self, views: &[View<'_>], at: RowRef, deleted: bool) -> Result<(usize, bool)> {
        let columns = columns(views, at, deleted)?;
        if columns.is_empty() {
            return Err(Declined::Value("rows without a key"));
        }
        let hash = self.hash(columns, at.row as usize)?;
        let mask = self.slots.len() - 1;
        let mut slot = hash as usize & mask;
        loop {
            let held = self.slots.get(slot).copied().unwrap_or(0);
            if held == 0 {
                break;
            }
            let number = held as usize - 1;
            if self.hashes.get(number) == Some(&hash) {
                if let Some(&(known, was_delete)) = self.keys.get(number) {
                    if equal(columns, at, self::columns(views, known, was_delete)?, known) {
                        return Ok((number, false));
                    }
                }
            }
            slot = (slot + 1) & mask;
        }
        let number = self.keys.len();
        // One slot stays empty for a search to end at; `most` keeps half of them so.
        if number + 1 >= self.slots.len() {
            return Err(Declined::Malformed("more keys than rows"));
        }
        if let Some(empty) = self.slots.get_mut(slot) {
            *empty = number as u32 + 1;
        }
        self.hashes.push(hash);
        self.keys.push((at, deleted));
        Ok((number, true))
    }

    fn hash(&self, columns: &[Option<&Column>], row: usize) -> Result<u64> {
        let mut hasher = self.state.build_hasher();
        for column in columns {
            let Some(column) = column.filter(|one| one.is_valid(row)) else {
                hasher.write_u8(0);
                continue;
            };
            hasher.write_u8(1);
            match kind(column) {
                Some(Plain::Int) => hasher.write_i64(column.int(row)),
                Some(Plain::Bool) => hasher.write_u8(column.bool(row).into()),
                Some(Plain::Bin) => {
                    let bytes = column.bin(row);
                    hasher.write_usize(bytes.len());
                    hasher.write(bytes);
                }
                Some(Plain::Float) => {
                    // NaN differs from itself, and 0.0 and -0.0 are equal but written differently.
                    let value = column.float(row);
                    if value.is_nan() || value == 0.0 && value.is_sign_negative() {
                        return Err(Declined::Value("a key of NaN or negative zero"));
                    }
                    hasher.write_u64(value.to_bits());
                }
                None => return Err(Declined::Value("a key that is no single value")),
            }
        }
        Ok(hasher.finish())
    }
}

fn columns<'a, 'v>(views: &'a [View<'v>], at: RowRef, deleted: bool) -> Result<&'a [Option<&'v Column>]> {
    let view = views.get(at.part as usize).ok_or(Declined::Malformed("a part that is not there"))?;
    Ok(if deleted { &view.keys_before } else { &view.keys })
}

fn equal(left: &[Option<&Column>], at: RowRef, right: &[Option<&Column>], other: RowRef) -> bool {
    let (i, j) = (at.row as usize, other.row as usize);
    left.len() == right.len()
        && left.iter().zip(right).all(|pair| match pair {
            (Some(left), Some(right)) => same(left, i, right, j),
            (Some(one), None) => !one.is_valid(i),
            (None, Some(one)) => !one.is_valid(j),
            (None, None) => true,
        })
}
